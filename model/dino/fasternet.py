"""FasterNet-T0: convolutions over a quarter of the channels, a small MLP after each; one map a stage.

As in timm, with the same tensor names: importing that library takes seconds.

Letters: B picture, C channel, H W pixels.
Source: FasterNet (https://arxiv.org/abs/2303.03667).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_WIDTH = 40
_DEPTHS = (1, 2, 8, 2)
_MLP_RATIO = 2
_PARTIAL_RATIO = 4  # one of so many channels is convolved
_INITIAL_STD = 0.02


class FasterNetT0(nn.Module):
    """The maps of the chosen stages; the stages' strides are 4, 8, 16 and 32.

    Attributes:
        channels: number of channels of each map.

    Args:
        levels: the chosen stages, counted from 0, in rising order.
    """

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self._levels = tuple(levels)
        self.channels = [_WIDTH * 2**level for level in levels]
        self.patch_embed = _PatchEmbed(_WIDTH)
        for level, depth in enumerate(_DEPTHS[: max(levels) + 1]):
            self.add_module(f"stages_{level}", _Stage(_WIDTH * 2**level, depth, merges=level > 0))
        self.apply(_initialise)

    def forward(self, pictures_B3HW: Tensor) -> list[Tensor]:
        x = self.patch_embed(pictures_B3HW)
        maps: list[Tensor] = []
        for level in range(max(self._levels) + 1):
            x = self.get_submodule(f"stages_{level}")(x)
            if level in self._levels:
                maps.append(x)
        return maps


class _PatchEmbed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, 4, 4, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x))


class _Stage(nn.Module):
    def __init__(self, width: int, depth: int, *, merges: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(depth)))
        self.downsample = _PatchMerging(width) if merges else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.downsample(x))


class _PatchMerging(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Conv2d(width // 2, width, 2, 2, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.reduction(x))


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = width * _MLP_RATIO
        self.mlp = nn.Sequential(
            nn.Conv2d(width, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, width, 1, bias=False),
        )
        self.spatial_mixing = _PartialConv(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mlp(self.spatial_mixing(x))


class _PartialConv(nn.Module):
    """A convolution over the first channels; the others are unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._parts = [width // _PARTIAL_RATIO, width - width // _PARTIAL_RATIO]
        self.partial_conv3 = nn.Conv2d(self._parts[0], self._parts[0], 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mixed, unchanged = x.split(self._parts, 1)
        return torch.cat((self.partial_conv3(mixed), unchanged), 1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=_INITIAL_STD)
