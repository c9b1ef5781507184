"""Pictures from files, however large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from .exits import RunError, say

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))
_MOST_PIXELS = 40_000_000  # no network sees more than a thirtieth of that


@dataclass(frozen=True, slots=True)
class StillPicture:
    """A picture as it was read.

    Args:
        image: (h, w, 3) uint8 RGB.
        width, height: of the file's picture, px; larger than `image` where it was made smaller while it was read.
    """

    image: NDArray[np.uint8]
    width: int
    height: int


def read_picture(path: Path) -> StillPicture:
    """Read one picture, upright as its camera says; one too large for the memory is made smaller, and that is said.

    Raises:
        RunError: there is no picture in the file, or only a part of one.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # our own limit says what it does
    try:
        with Image.open(path) as opened:
            width, height = opened.size
            shrink = max(1.0, (width * height / _MOST_PIXELS) ** 0.5)
            small = max(1, round(width / shrink)), max(1, round(height / shrink))
            if shrink > 1.0:
                say(f"{path} has {width}x{height} px: it is read at {small[0]}x{small[1]}, boxes stay in its own px")
                opened.draft("RGB", small)  # a JPEG is decoded at a half, a quarter or an eighth of its size
            turned = _upright(opened.convert("RGB"), opened)
            if turned.size != opened.size:
                width, height = height, width
                small = small[1], small[0]
            if shrink > 1.0:
                turned = turned.resize((small[0], small[1]), Image.Resampling.BOX)
            return StillPicture(np.array(turned, np.uint8), width, height)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise RunError(f"{path} is no picture that can be read ({error}): check the file") from error
    except MemoryError as error:
        raise RunError(f"{path} is larger than the memory: make it smaller first") from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _upright(picture: Image.Image, opened: Image.Image) -> Image.Image:
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    turn = turns.get(opened.getexif().get(0x0112, 1))
    return picture if turn is None else picture.transpose(turn)
