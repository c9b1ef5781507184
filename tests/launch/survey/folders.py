"""A folder as a camera trap fills it, with files that cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..conftest import red_square

TAKEN = "2026:05:03 04:05:06"


def fill(folder: Path, clip: Path) -> Path:
    """Ten files in nested folders: pictures, one of them empty, a clip, and three that are damaged."""
    deep = folder / "site é" / "card 1"
    deep.mkdir(parents=True)
    for number in (10, 2):
        _save(deep / f"IMG_{number}.JPG", number)
    Image.fromarray(np.full((120, 160, 3), 90, np.uint8)).save(folder / "empty.png")
    _save(folder / "turned.jpg", 50, orientation=6)
    _save(folder / "DSC0001.jpg", 60)
    (folder / "DSC0001.jpg").rename(folder / "DSC0001")  # a picture without a suffix
    (folder / "cut.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:900])
    (folder / "nothing.jpg").touch()
    (folder / "line\nbreak,=1.jpg").write_text("no picture")
    shutil.copy(clip, folder / "walk.mp4")
    (folder / "broken.ts").write_bytes(b"no clip" * 100)
    (folder / "notes.txt").write_text("no picture")
    return folder


def _save(path: Path, left: int, orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = TAKEN
    Image.fromarray(red_square(left)).save(path, "JPEG", exif=exif, quality=95)


def pixels(path: Path) -> tuple[int, int]:
    """Height and width of a picture that was written."""
    high, wide = cv2.imread(str(path)).shape[:2]
    return high, wide
