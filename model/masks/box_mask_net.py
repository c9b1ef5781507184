"""Box mask network: the mask of the object that a box surrounds, from the picture around the box.

The embedded masker's network. It sees a square crop in which the box always covers the same middle part, and knows
neither words nor classes: it works for boxes of any detector or tracker.

Letters: N crop, C channel, H W pixels.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CROP_PX = 64
CROP_SCALE = 1.25
"""A crop is this much wider and higher than its box."""

_WIDTHS = (24, 48, 96)


class BoxMaskNet(nn.Module):
    """A small U-Net: three scales down, two up, and a context vector from the coarsest."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        half = CROP_PX // 2
        self.stem = _ConvNorm(3, fine, stride=2)
        self.place = nn.Parameter(torch.zeros(1, fine, half, half))
        self.fine = _ResidualConv(fine)
        self.down = _ConvNorm(fine, middle, stride=2)
        self.middle = _ResidualConv(middle)
        self.down_again = _ConvNorm(middle, coarse, stride=2)
        self.coarse = nn.Sequential(_ResidualConv(coarse), _ResidualConv(coarse))
        self.context = nn.Sequential(nn.Linear(coarse, coarse), nn.ReLU(), nn.Linear(coarse, coarse))
        self.to_middle = nn.Conv2d(coarse, middle, 1)
        self.middle_again = _ResidualConv(middle)
        self.to_fine = nn.Conv2d(middle, fine, 1)
        self.fine_again = _ResidualConv(fine)
        self.out = nn.Conv2d(fine, 4, 3, padding=1)

    def forward(self, crops_N3HW: Tensor) -> Tensor:
        """Normalised RGB crops of 64 x 64 px -> mask logits (N, 64, 64), positive on the object."""
        fine = self.fine(self.stem(crops_N3HW) + self.place)
        middle = self.middle(self.down(fine))
        coarse = self.coarse(self.down_again(middle))
        coarse = coarse + self.context(coarse.mean((2, 3)))[:, :, None, None]
        middle = self.middle_again(middle + F.interpolate(self.to_middle(coarse), scale_factor=2.0))
        fine = self.fine_again(fine + F.interpolate(self.to_fine(middle), scale_factor=2.0))
        return F.pixel_shuffle(self.out(fine), 2)[:, 0]


class _ConvNorm(nn.Module):
    """A 3x3 convolution, batch norm and ReLU."""

    def __init__(self, width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class _ResidualConv(nn.Module):
    """Adds a 3x3 convolution of the input to it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = _ConvNorm(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)
