"""Uploaded pictures: decoded upright, within limits, or refused with a sentence."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groundcast.launch.api.api_error import ApiError
from groundcast.launch.api.upload_picture import Upload, decode_upload

from .running_api import png


def test_a_picture_is_turned_upright() -> None:
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(file, "JPEG", exif=exif)
    assert decode_upload(Upload("", file.getvalue())).shape == (40, 20, 3)


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_decoded() -> None:
    file = BytesIO()
    Image.new("1", (9_000, 9_000)).save(file, "PNG")
    with pytest.raises(ApiError, match="9000x9000 px, at most"):
        decode_upload(Upload("bomb.png", file.getvalue()))


@pytest.mark.parametrize("data", [b"", b"no picture", png(np.zeros((40, 40, 3), np.uint8))[:-30]])
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ApiError, match=r"picture 'a\.png' cannot be read"):
        decode_upload(Upload("a.png", data))


def test_no_descriptor_is_left() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        decode_upload(Upload("", png(np.zeros((4, 4, 3), np.uint8))))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
