"""Parses sizes of the network's input from the command line."""

from __future__ import annotations

from ..exits import InputError

Size = tuple[int, int]  # height, width, px
_MIN_AREA_PX = 208 * 208  # smaller maps have fewer places than the published models choose


def sizes(text: str) -> list[Size]:
    """'640' is a square, '480x640,800x1333' are height x width.

    Raises:
        InputError: what is written is no size.
    """
    return [_size(one.strip()) for one in text.split(",")]


def _size(text: str) -> Size:
    height, _, width = text.partition("x")
    width = width if "x" in text else height
    if not (height.isdigit() and width.isdigit() and int(height) >= 32 and int(width) >= 32):
        raise InputError(f"{text!r} is not a size: write height and width in px, such as 480x640")
    if int(height) * int(width) < _MIN_AREA_PX:
        raise InputError(f"{text!r} is too small for a published model: write at least 208x208")
    return int(height), int(width)
