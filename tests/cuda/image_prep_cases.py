# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What every kernel that prepares pictures is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from groundcast.cuda.image_prep import Nv12, Preparation, PrepKernel, image_prep

# height and width of what comes in, of the picture in the output, and of the output
SIZES = [
    ((13, 17), (8, 11), (9, 16)),
    ((7, 9), (10, 13), (10, 13)),
    ((2, 300), (2, 140), (3, 140)),
    ((1, 1), (3, 2), (3, 3)),
    ((5, 7), (5, 7), (5, 7)),
]


def preparation(picture_hw: tuple[int, int], canvas_hw: tuple[int, int]) -> Preparation:
    """With numbers for each colour that no two share."""
    return Preparation(picture_hw, canvas_hw, (123.7, 116.3, 103.5), (0.0171, 0.0175, 0.0174))


def pictures(h: int, w: int, B: int = 2, seed: int = 0) -> Tensor:
    """Noise, every colour from 0 to 255."""
    drawn = np.random.default_rng(seed).integers(0, 256, (B, h, w, 3), np.uint8)
    return torch.from_numpy(drawn)


def nv12(h: int, w: int, matrix: Literal["bt601", "bt709"] = "bt601", *, full_range: bool = False) -> Nv12:
    """Noise in planes whose rows lie apart, as a decoder's do; colours beyond what RGB can hold among it."""
    drawn = np.random.default_rng(1)
    luma = torch.from_numpy(drawn.integers(0, 256, (2, h, w + 9), np.uint8))[:, :, :w]
    chroma = torch.from_numpy(drawn.integers(0, 256, (2, (h + 1) // 2, (w + 1) // 2 + 5, 2), np.uint8))
    return Nv12(luma, chroma[:, :, : (w + 1) // 2], matrix, full_range)


def prepared(asked: Tensor | Nv12, how: Preparation, kernel: PrepKernel, dtype: torch.dtype = torch.float32) -> Tensor:
    """Into memory that begins as NaN."""
    canvas = torch.full((2, *how.canvas_hw, 3), float("nan"), dtype=dtype).permute(0, 3, 1, 2)
    return image_prep(asked, how, dtype, canvas, kernel)


def assert_as_the_reference(kernel: PrepKernel, asked: Tensor | Nv12, how: Preparation) -> None:
    """To the last bit, whatever the filter."""
    for one in (how, replace(how, filter="area")):
        assert torch.equal(prepared(asked, one, kernel), prepared(asked, one, "reference"))
