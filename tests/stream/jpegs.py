"""JPEGs that no camera sends."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

_HEIGHT, _WIDTH = 48, 64


def progressive_jpeg(more_scans: int = 0) -> bytes:
    """A grey picture of 64 x 48 px in 10 scans, the last of which is repeated."""
    image = np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * more_scans + jpeg[-2:]


def huge_jpeg(side_px: int = 16_000) -> bytes:
    """A few hundred bytes that state a picture of so many px on each side."""
    jpeg = cv2.imencode(".jpg", np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8))[1].tobytes()
    size = _HEIGHT.to_bytes(2, "big") + _WIDTH.to_bytes(2, "big")
    return jpeg.replace(size, side_px.to_bytes(2, "big") * 2, 1)


@cache
def hidden_jpeg(side_px: int = 7000) -> bytes:
    """A whole picture whose size lies behind a marker at which readers of headers give up."""
    jpeg = cv2.imencode(".jpg", np.full((side_px, side_px), 90, np.uint8))[1].tobytes()
    return jpeg.replace(b"\xff\xdb", b"\xff\x01\xff\xdb", 1)
