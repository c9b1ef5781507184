"""Pixel kinds: converts Pillow's modes (grey of any depth, palettes, inks, transparency) to 8-bit RGB."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_WHITE = 255
_MAX_8_BIT, _MAX_16_BIT = 255, 65535
_BITS_TAG, _PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 258, 262, 0  # of TIFF 6.0


class PixelKindError(ValueError):
    """Pixels whose white level is unknown; the text names their values."""


def rgb_of_pillow(picture: Image.Image) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB of a decoded picture of any mode.

    Transparent pixels become white. 16-bit integers are divided by 257. For longer integers and floats no file states
    the value of white: it is the smallest of 1 (floats alone), 255 and 65535 that no pixel exceeds.

    Raises:
        PixelKindError: values that are negative, not finite, or above 65535.
    """
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return np.repeat(_grey(picture)[..., None], 3, axis=2)
    if picture.mode == "LAB":
        picture = _rgb_of_lab(picture)
    if picture.has_transparency_data:
        return over_white(np.asarray(_with_alpha(picture)))
    return np.array(picture.convert("RGB"), np.uint8)


def over_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 4) uint8 RGBA over white, as (h, w, 3)."""
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min(initial=_WHITE) == _WHITE:
        return np.ascontiguousarray(rgb)
    weight = alpha.astype(np.uint16)
    mixed = rgb * weight + _WHITE * (_WHITE - weight)
    return ((mixed + _WHITE // 2) // _WHITE).astype(np.uint8)


def _with_alpha(picture: Image.Image) -> Image.Image:
    return (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")


def _grey(picture: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(picture).astype(np.float32 if picture.mode == "F" else np.int64)
    tags = getattr(picture, "tag_v2", {})
    low, high = values.min(initial=0), values.max(initial=0)
    white = _white(picture, tags, float(high))
    if not low >= 0 or not high <= white:  # NaN is neither
        raise PixelKindError(f"its grey values go from {low:g} to {high:g}, and their white level is unknown")
    grey = np.rint(values * (_WHITE / white)).astype(np.uint8)
    if tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO:
        grey = np.bitwise_not(grey)
    hidden = picture.info.get("transparency")
    if isinstance(hidden, int):
        grey[values == hidden] = _WHITE
    return grey


def _white(picture: Image.Image, tags: dict[int, tuple[int, ...]], high: float) -> int:
    """The value of white."""
    if picture.mode.startswith("I;16"):
        bits = tags.get(_BITS_TAG, (16,))[0]
        return (1 << bits) - 1 if 8 < bits < 16 else _MAX_16_BIT
    if picture.format == "PPM" and picture.mode == "I":  # Pillow scales to the file's own white level
        return _MAX_16_BIT
    if picture.mode == "F" and high <= 1.0:
        return 1
    return _MAX_8_BIT if high <= _MAX_8_BIT else _MAX_16_BIT


def _rgb_of_lab(picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert converted is not None, "made anew"
    return converted
