"""Brush run lengths: how Label Studio stores the pixels of a region, as a list of bytes.

A stream of bits, the highest of each byte first: the count of values (32 bits), the size of a value less one (5 bits),
four sizes of lengths less one (4 bits each); then blocks: one bit (1: one value repeated, 0: values one by one), two
bits that choose the size of the length, the length less one, the value or values. The values are the bytes of an RGBA
picture, whose alpha is the mask. https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..pictures.still_picture import MAX_PIXELS

_SIZES = (3, 4, 8, 16)
_CHANNELS = 4
_HALF = 127


def brush_rle(pixels_HW: NDArray[np.bool_]) -> list[int]:
    """The bytes for a mask."""
    flat = np.repeat(pixels_HW.ravel(), _CHANNELS)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = [0, *edges.tolist()]
    bits = [f"{len(flat):032b}", f"{8 - 1:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    for start, end in zip(starts, [*starts[1:], len(flat)], strict=True):
        value = 255 if flat[start] else 0
        left = end - start
        while left:
            length = min(left, 1 << _SIZES[-1])
            choice = next(row for row, size in enumerate(_SIZES) if length <= 1 << size)
            bits.append(f"1{choice:02b}{length - 1:0{_SIZES[choice]}b}{value:08b}")
            left -= length
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[place : place + 8], 2) for place in range(0, len(text), 8)]


def brush_pixels(stored: Sequence[int], size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) bool: the mask of stored bytes.

    Raises:
        ValueError: they are damaged, or of another size.
    """
    text = "".join(f"{one:08b}" for one in bytes(stored))
    place = 0

    def read(size: int) -> int:
        nonlocal place
        place += size
        if place > len(text):
            raise ValueError("the run lengths of a brush are cut off")
        return int(text[place - size : place], 2)

    count, word = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    height, width = size_hw
    if count != height * width * _CHANNELS:
        raise ValueError(f"the run lengths of a brush do not fit a picture of {width}x{height} px")
    if height * width > MAX_PIXELS:
        raise ValueError(f"a picture of {width}x{height} px is too large for a brush")
    values = np.zeros(count, np.bool_)
    filled = 0
    while filled < count:
        is_run = read(1)
        end = min(count, filled + read(sizes[read(2)]) + 1)
        if is_run:
            values[filled:end] = read(word) > _HALF
        else:
            values[filled:end] = [read(word) > _HALF for _ in range(end - filled)]
        filled = end
    return values.reshape(height, width, _CHANNELS)[..., -1]
