"""Picture preparation in plain PyTorch: what correct means.

Letters as in image_prep.py.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .filter_taps import Filter, Taps, filter_taps

Colour = tuple[float, float, float]
Matrix = Literal["bt601", "bt709"]

_UNIT_BITS = 16  # fraction bits of the colour conversion


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a picture is resized, padded and normalised.

    Args:
        picture_hw: the picture's size in the output, px.
        canvas_hw: the output's size, with padding on the right and below, px.
        mean, scale: a colour becomes (colour - mean) * scale, in fp32.
        filter: see `filter_taps`.
    """

    picture_hw: tuple[int, int]
    canvas_hw: tuple[int, int]
    mean: Colour
    scale: Colour
    filter: Filter = "bilinear"


@dataclass(frozen=True, slots=True)
class Yuv420:
    """Pictures as video decoders give them: luma for each pixel, chroma for each 2 x 2 pixels.

    Args:
        luma_BHW: (B, h, w) uint8.
        u_BHW, v_BHW: (B, h / 2, w / 2) uint8, rounded up to cover the picture: chroma, interleaved in memory or in
            separate planes.
        matrix: the standard by which RGB was converted to YUV.
        full_range: luma takes all of 0..255, else 16..235 (and chroma 16..240).
        odd_yx: 1 where the first row, or column, is the second of a pair that shares chroma, else 0.
    """

    luma_BHW: Tensor
    u_BHW: Tensor
    v_BHW: Tensor
    matrix: Matrix
    full_range: bool
    odd_yx: tuple[int, int] = (0, 0)

    @property
    def coefficients(self) -> tuple[int, int, int, int, int, int]:
        """Luma offset, then the factors: luma, red from v, green from u and v, blue from u.

        Factors are in units of 2 ** -16. ITU-R BT.601 and BT.709, section 3.
        """
        red, blue = (0.299, 0.114) if self.matrix == "bt601" else (0.2126, 0.0722)
        green = 1.0 - red - blue
        luma, chroma = (1.0, 1.0) if self.full_range else (255 / 219, 255 / 224)
        factors = (
            luma,
            2 * (1 - red) * chroma,
            -2 * (1 - blue) * blue / green * chroma,
            -2 * (1 - red) * red / green * chroma,
            2 * (1 - blue) * chroma,
        )
        y, rv, gu, gv, bu = (round(factor * (1 << _UNIT_BITS)) for factor in factors)
        return 0 if self.full_range else 16, y, rv, gu, gv, bu


def image_prep_reference(pictures: Tensor | Yuv420, how: Preparation) -> Tensor:
    """See `image_prep`. (B, 3, H, W) fp32 on any device."""
    rgb_BHW3 = rgb_from_yuv420(pictures) if isinstance(pictures, Yuv420) else pictures
    pixels_B3HW = rgb_BHW3.permute(0, 3, 1, 2).double()  # exact integers up to 2 ** 53
    height, width = how.picture_hw
    for axis, wanted in ((3, width), (2, height)):
        taps = filter_taps(pixels_B3HW.shape[axis], wanted, how.filter, pixels_B3HW.device)
        pixels_B3HW = _filtered(pixels_B3HW.transpose(axis, 3), taps).transpose(axis, 3)
    mean, scale = (torch.tensor(one, device=pixels_B3HW.device)[:, None, None] for one in (how.mean, how.scale))
    out_B3HW = torch.zeros(*pixels_B3HW.shape[:2], *how.canvas_hw, device=pixels_B3HW.device)
    out_B3HW[:, :, :height, :width] = (pixels_B3HW.float() - mean) * scale
    return out_B3HW


def rgb_from_yuv420(picture: Yuv420) -> Tensor:
    """(B, h, w, 3) uint8; each chroma sample is used unchanged for its 2 x 2 pixels."""
    offset, y, rv, gu, gv, bu = picture.coefficients
    _, height, width = picture.luma_BHW.shape
    luma_BHW = (picture.luma_BHW.int() - offset) * y
    odd_y, odd_x = picture.odd_yx
    u_BHW, v_BHW = (
        (half_BHW.int() - 128).repeat_interleave(2, 1).repeat_interleave(2, 2)[:, odd_y:, odd_x:][:, :height, :width]
        for half_BHW in (picture.u_BHW, picture.v_BHW)
    )
    colours = torch.stack([luma_BHW + rv * v_BHW, luma_BHW + gu * u_BHW + gv * v_BHW, luma_BHW + bu * u_BHW], -1)
    return _rounded(colours, _UNIT_BITS).to(torch.uint8)


def _filtered(pixels_BCXN: Tensor, taps: Taps) -> Tensor:
    """Resized along the last axis, rounded to 0..255."""
    length = pixels_BCXN.shape[-1]
    steps_K1 = torch.arange(len(taps.weights_KN), device=pixels_BCXN.device)[:, None]
    pixel_KN = (taps.first_N.long() + steps_K1).clamp(max=length - 1)  # beyond the last, weights are 0
    matrix_XN = pixels_BCXN.new_zeros(length, len(taps.first_N))
    matrix_XN.scatter_add_(0, pixel_KN, taps.weights_KN.to(matrix_XN.dtype))
    return _rounded((pixels_BCXN @ matrix_XN).long(), taps.bits).to(pixels_BCXN.dtype)


def _rounded(sums: Tensor, bits: int) -> Tensor:
    """From units of 2 ** -bits to the nearest integer in 0..255."""
    return ((sums + (1 << bits - 1)) >> bits).clamp(0, 255)
