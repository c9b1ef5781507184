# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Swin Transformer as Grounding DINO uses it: timm's layers, the original's order of padding and shifting.

timm shifts a map before it pads it and stops shifting in small ones; the original pads first and always shifts. Its
maps also pass a norm each before they leave.

Letters: B picture, C channel, H W cells, N windows, A cells of a window.
Source: Swin Transformer (https://arxiv.org/abs/2103.14030).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cuda.kept import kept
from .layers import Recomputed, in_pieces

_APART = -100.0  # the original's "do not look": cells that the shift brought together from opposite edges


class Swin(Recomputed):
    """Maps of the stages named in `levels`, each normed; (B, C, H, W), the finest first."""

    def __init__(self, body: nn.Module, levels: Sequence[int]) -> None:
        """`body` is timm's SwinTransformer, made to partition into windows always."""
        super().__init__()
        self.body = body
        self.body.norm = nn.Identity()  # for classification alone
        self.levels = tuple(levels)
        widths: list[int] = [info["num_chs"] for info in cast("Any", body).feature_info]
        self.channels = [widths[level] for level in levels]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in self.channels)
        self.patch: tuple[int, int] = cast("Any", body).patch_embed.patch_size

    def forward(self, pictures_B3HW: Tensor) -> list[Tensor]:
        body = cast("Any", self.body)
        high, wide = (-side % cell for side, cell in zip(pictures_B3HW.shape[-2:], self.patch, strict=True))
        x_BHWC = body.patch_embed(F.pad(pictures_B3HW, (0, wide, 0, high)))
        maps: list[Tensor] = []
        for level, stage in enumerate(body.layers):
            x_BHWC = stage.downsample(x_BHWC)
            for block in stage.blocks:
                x_BHWC = self.run(_block, block, x_BHWC)
            if level in self.levels:
                normed_BHWC = self.norms[self.levels.index(level)](x_BHWC)
                maps.append(normed_BHWC.permute(0, 3, 1, 2))
        return maps


def _block(block: Any, x_BHWC: Tensor) -> Tensor:
    x_BHWC = x_BHWC + block.drop_path1(_attend(block, block.norm1(x_BHWC)))
    return x_BHWC + block.drop_path2(in_pieces(lambda rows: block.mlp(block.norm2(rows)), x_BHWC, 4 * x_BHWC.shape[-1]))


def _attend(block: Any, x_BHWC: Tensor) -> Tensor:
    """Attention within windows, which lie half a window further in every second block."""
    B, H, W, C = x_BHWC.shape
    high, wide = block.window_size
    down, right = block.shift_size
    padded = F.pad(x_BHWC, (0, 0, 0, -W % wide, 0, -H % high))
    PH, PW = padded.shape[1:3]
    mask_NAA = None
    if down or right:
        padded = padded.roll((-down, -right), (1, 2))
        mask_NAA = _shift_mask((PH, PW), (high, wide), (down, right), x_BHWC.device).to(x_BHWC.dtype)
    windows = padded.view(B, PH // high, high, PW // wide, wide, C).transpose(2, 3).reshape(-1, high * wide, C)
    attended = block.attn(windows, mask=mask_NAA)
    attended = attended.view(B, PH // high, PW // wide, high, wide, C).transpose(2, 3).reshape(B, PH, PW, C)
    if down or right:
        attended = attended.roll((down, right), (1, 2))
    return attended[:, :H, :W]


@kept(32)
def _shift_mask(size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int], device: torch.device) -> Tensor:
    """(N, A, A): 0 where two cells of a window were neighbours before the shift. Kept per size."""
    with torch.inference_mode(mode=False):  # what is kept may be used in training later
        region_HW = torch.zeros(size, device=device)
        for axis in (0, 1):
            place = torch.arange(size[axis], device=device)
            part = (place >= size[axis] - window[axis]).int() + (place >= size[axis] - shift[axis]).int()
            region_HW = region_HW * 3 + (part[:, None] if axis == 0 else part[None])
        (high, wide), (H, W) = window, size
        region_NA = region_HW.view(H // high, high, W // wide, wide).transpose(1, 2).reshape(-1, high * wide)
        return torch.where(region_NA[:, None] == region_NA[:, :, None], 0.0, _APART)
