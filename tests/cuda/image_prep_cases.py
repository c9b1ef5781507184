"""Test cases of picture preparation, for every kernel."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from groundcast.cuda.image_prep import Matrix, Preparation, PrepKernel, Yuv420, image_prep

# height and width of the input, of the picture in the output, and of the output
SIZES = [
    ((13, 17), (8, 11), (9, 16)),
    ((7, 9), (10, 13), (10, 13)),
    ((2, 300), (2, 140), (3, 140)),
    ((1, 1), (3, 2), (3, 3)),
    ((5, 7), (5, 7), (5, 7)),
]


def preparation(picture_hw: tuple[int, int], canvas_hw: tuple[int, int]) -> Preparation:
    """A preparation whose mean and scale differ in each colour."""
    return Preparation(picture_hw, canvas_hw, (123.7, 116.3, 103.5), (0.0171, 0.0175, 0.0174))


def pictures(h: int, w: int, B: int = 2, seed: int = 0) -> Tensor:
    """Uniform noise of 0..255."""
    drawn = np.random.default_rng(seed).integers(0, 256, (B, h, w, 3), np.uint8)
    return torch.from_numpy(drawn)


def nv12(h: int, w: int, matrix: Matrix = "bt601", *, full_range: bool = False) -> Yuv420:
    """Noise in planes with padded rows, as a decoder's; some of its colours lie outside RGB."""
    drawn = np.random.default_rng(1)
    luma = torch.from_numpy(drawn.integers(0, 256, (2, h, w + 9), np.uint8))[:, :, :w]
    chroma = torch.from_numpy(drawn.integers(0, 256, (2, (h + 1) // 2, (w + 1) // 2 + 5, 2), np.uint8))
    u, v = chroma[:, :, : (w + 1) // 2].unbind(-1)
    return Yuv420(luma, u, v, matrix, full_range)


def odd(yuv: Yuv420) -> Yuv420:
    """All but the first row and column, so that the first chroma samples serve one row and column alone."""
    return replace(yuv, luma_BHW=yuv.luma_BHW[:, 1:, 1:], odd_yx=(1, 1))


def planar(yuv: Yuv420) -> Yuv420:
    """The same as separate planes, with rows of different strides."""
    v = torch.nn.functional.pad(yuv.v_BHW, (0, 3))[:, :, : yuv.v_BHW.shape[2]]
    return replace(yuv, u_BHW=yuv.u_BHW.contiguous(), v_BHW=v)


def prepared(
    picture: Tensor | Yuv420, how: Preparation, kernel: PrepKernel, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Prepared into memory filled with NaN."""
    canvas = torch.full((2, *how.canvas_hw, 3), float("nan"), dtype=dtype).permute(0, 3, 1, 2)
    return image_prep(picture, how, dtype, canvas, kernel)


def assert_as_the_reference(kernel: PrepKernel, picture: Tensor | Yuv420, how: Preparation) -> None:
    """Bit-equal to the reference, with either filter."""
    for one in (how, replace(how, filter="area")):
        assert torch.equal(prepared(picture, one, kernel), prepared(picture, one, "reference"))
