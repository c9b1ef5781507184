"""JPEGs whose end marker is there although their last pixels are not."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.pictures.still_picture import StillError, decode_jpeg


def _textured(corner: int | None = None) -> NDArray[np.uint8]:
    """Smooth noise, its lower right quarter of one value if that is given."""
    noise = np.random.default_rng(5).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)
    if corner is not None:
        image[120:, 160:] = corner
    return image


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("grey", [True, False])
def test_a_jpeg_that_was_cut_off_and_given_an_end_marker_is_refused(share: float, grey: bool) -> None:
    image = _textured()
    jpeg = cv2.imencode(".jpg", image[..., 0] if grey else image)[1].tobytes()
    with pytest.raises(StillError, match="the last pixels are missing"):
        decode_jpeg(jpeg[: int(share * len(jpeg))] + b"\xff\xd9")


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("after", [b"", b"appended by a camera \xff\xd9"])
def test_a_whole_jpeg_with_a_grey_corner_is_read(progressive: int, after: bytes) -> None:
    image = _textured(corner=128)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    assert (decode_jpeg(jpeg + after)[-8:, -8:] == 128).all()
