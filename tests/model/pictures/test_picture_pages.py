"""The first picture of a file is found without a walk through the others, and is the one that all others follow."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from groundcast.model.pictures.picture_pages import first_page, page_numbers
from groundcast.model.pictures.still_picture import open_picture, read_header, read_pictures

MANY = 2**31
DARK, LIGHT = (Image.fromarray(np.full((48, 64), level, np.uint8)) for level in (40, 200))


def test_frames_that_a_file_states_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    LIGHT.save(path)
    data = path.read_bytes()
    body = b"acTL" + struct.pack(">II", MANY, 0)
    path.write_bytes(data[:33] + struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body)) + data[33:])

    with open_picture(path) as opened:
        pages = page_numbers(opened)
        assert len(pages) >= MANY - 1
        assert first_page(opened) == pages[0]
    assert read_header(path).pages > MANY / 2
    assert read_header(path, only_first=True).pages == 1


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_the_first_picture_alone_is_that_of_all(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    LIGHT.save(path, save_all=True, append_images=[DARK])

    first, second = read_pictures(path)
    (alone,) = read_pictures(path, only_first=True)

    assert np.array_equal(alone.image, first.image)
    assert not np.array_equal(alone.image, second.image)
    assert (first.pages, alone.pages) == (2, 1)


def test_a_smaller_copy_in_front_is_not_the_first_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with AppendingTiffWriter(str(path), new=True) as writer:
        DARK.resize((8, 6)).save(writer, "TIFF", tiffinfo={254: 1})
        writer.newFrame()
        LIGHT.save(writer, "TIFF")

    with open_picture(path) as opened:
        assert first_page(opened) == page_numbers(opened)[0] == 1
    (alone,) = read_pictures(path, only_first=True)
    assert alone.image.shape == (48, 64, 3)


def test_the_picture_for_viewers_without_animation_is_not_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    DARK.save(path, save_all=True, append_images=[LIGHT, DARK], default_image=True)

    (alone,) = read_pictures(path, only_first=True)

    assert alone.image.min() == 200
    assert np.array_equal(alone.image, next(read_pictures(path)).image)


def test_what_follows_the_first_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    LIGHT.save(path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x2c\0\0")  # a frame that breaks off

    (alone,) = read_pictures(path, only_first=True)

    assert alone.image.shape == (48, 64, 3)
