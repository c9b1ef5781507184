"""Test pictures as cameras and programs store them: rotated, truncated, animated, of any pixel kind."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from groundcast.model.pictures.orientation import ORIENTATIONS, turn_upright

_INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""What turns an upright picture into a stored one."""


def scene(width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """Four quarters of other colours and brightness, large enough to outlive any codec."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (220, 30, 30)
    image[: height // 2, width // 2 :] = (30, 200, 40)
    image[height // 2 :, : width // 2] = (40, 60, 210)
    image[height // 2 :, width // 2 :] = (240, 230, 60)
    return image


def stored(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels that are seen as `image` where the orientation is heeded."""
    assert orientation in ORIENTATIONS
    return np.ascontiguousarray(turn_upright(image, _INVERSE[orientation]))


def with_exif(orientation: int, order: str = "<") -> bytes:
    """An EXIF block that says an orientation and, before it, a camera's maker."""
    mark = b"II" if order == "<" else b"MM"
    maker = struct.pack(f"{order}HHI", 0x010F, 2, 4) + b"Cam\x00"
    turn = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\x00\x00" + mark + struct.pack(f"{order}HIH", 42, 8, 2) + maker + turn + bytes(4)


def turned_file(path: Path, image: NDArray[np.uint8], orientation: int) -> Path:
    """A picture of any kind that Pillow writes, stored turned, as its EXIF says."""
    written = Image.fromarray(stored(image, orientation))
    if path.suffix == ".tif":
        written.save(path, tiffinfo={0x0112: orientation})
    elif path.suffix == ".png":
        written.save(path, exif=with_exif(orientation))
    else:
        written.save(path, exif=with_exif(orientation), quality=95)
    return path


def jpeg(image: NDArray[np.uint8], **options: object) -> bytes:
    """A JPEG of good quality."""
    written = BytesIO()
    Image.fromarray(image).save(written, "JPEG", **{"quality": 95, **options})  # type: ignore[arg-type]
    return written.getvalue()
