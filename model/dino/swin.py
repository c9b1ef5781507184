"""Swin Transformer as Grounding DINO uses it: timm's layers, the original's order of padding and shifting.

timm shifts a map before it pads it and does not shift small ones; the original pads first and always shifts. It also
normalises each output map.

Letters: B picture, C channel, H W cells, N windows, A cells of a window.
Source: Swin Transformer (https://arxiv.org/abs/2103.14030).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cuda.size_cache import cached
from .layers import CHUNK_BYTES, Recomputed, in_chunks

Size = tuple[int, int]  # height, width, cells

_APART = -100.0  # the original's mask value, between cells that the shift joined from opposite edges


class Swin(Recomputed):
    """Maps of the stages in `levels`, each normalised; (B, C, H, W), the finest first."""

    def __init__(self, body: nn.Module, levels: Sequence[int]) -> None:
        """`body` is timm's SwinTransformer with `always_partition`."""
        super().__init__()
        self.body = body
        self.body.norm = nn.Identity()  # used for classification alone
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
    x_BHWC = x_BHWC + block.drop_path1(_attend(block, x_BHWC))
    return x_BHWC + block.drop_path2(in_chunks(lambda rows: block.mlp(block.norm2(rows)), x_BHWC, 4 * x_BHWC.shape[-1]))


def _attend(block: Any, x_BHWC: Tensor) -> Tensor:
    """Attention within windows, shifted by half a window in every second block."""
    B, H, W, C = x_BHWC.shape
    plan = _plan(B, (H, W), tuple(block.window_size), tuple(block.shift_size), x_BHWC.device)
    cells = block.norm1(x_BHWC.reshape(-1, C).index_select(0, plan.cells))
    if plan.empty is not None:
        cells = cells.index_fill(0, plan.empty, 0.0)
    attended = _within_windows(block.attn, cells.unflatten(0, (-1, plan.area)), plan.mask_NAA)
    return attended.flatten(0, 1).index_select(0, plan.back).view(B, H, W, C)


def _within_windows(attention: Any, windows_NAC: Tensor, mask_NAA: Tensor | None) -> Tensor:
    """timm's WindowAttention. On a CPU, without gradients, in chunks of windows, so that scores stay in the cache."""
    count, A, _ = windows_NAC.shape
    if torch.is_grad_enabled() or windows_NAC.device.type != "cpu":
        return _attend_all(attention, windows_NAC, mask_NAA)
    chunk_windows = max(1, CHUNK_BYTES // (4 * attention.num_heads * A * A))
    out = torch.empty_like(windows_NAC)
    windows_per_map = count if mask_NAA is None else len(mask_NAA)
    for first in range(0, count, windows_per_map):
        for begin in range(0, windows_per_map, chunk_windows):
            windows = slice(first + begin, first + min(begin + chunk_windows, windows_per_map))
            mask = None if mask_NAA is None else mask_NAA[begin : begin + chunk_windows]
            out[windows] = _attend_all(attention, windows_NAC[windows], mask)
    return out


def _attend_all(attention: Any, windows_NAC: Tensor, mask_NAA: Tensor | None) -> Tensor:
    """Attention of all windows; the softmax is in fp32, which is also faster than bfloat16 on a CPU."""
    count, A, _ = windows_NAC.shape
    heads = attention.num_heads
    query, key, value = attention.qkv(windows_NAC).view(count, A, 3, heads, -1).permute(2, 0, 3, 1, 4).contiguous()
    scores = (query @ key.transpose(-1, -2)).float()
    scores.mul_(attention.scale).add_(attention._get_rel_pos_bias())  # noqa: SLF001
    if mask_NAA is not None:
        scores.unflatten(0, (-1, len(mask_NAA))).add_(mask_NAA[:, None])
    attended = attention.attn_drop(scores.softmax(-1).to(value.dtype)) @ value
    return attention.proj_drop(attention.proj(attended.transpose(1, 2).flatten(2)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """The partition of a batch of maps into windows.

    Args:
        area: number of cells of a window.
        cells: the row of `x` for each cell of each window.
        empty: the windows' cells beyond the map; None without any.
        back: the windows' cell for each row of `x`.
        mask_NAA: added to the scores of one map's windows; None without a shift.
    """

    area: int
    cells: Tensor
    empty: Tensor | None
    back: Tensor
    mask_NAA: Tensor | None


@cached(32)
def _plan(batch: int, size: Size, window: Size, shift: Size, device: torch.device) -> _Plan:
    """Cached per size. The map is padded, then shifted."""
    (H, W), (high, wide) = size, window
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        rows_BHW = torch.arange(batch * H * W, device=device).view(batch, H, W)
        padded = F.pad(rows_BHW, (0, -W % wide, 0, -H % high), value=-1).roll((-shift[0], -shift[1]), (1, 2))
        cells = _windows(padded, window).flatten()
        empty = (cells < 0).nonzero().flatten()
        back = torch.empty(batch * H * W, dtype=torch.long, device=device)
        inside = cells >= 0
        back[cells[inside]] = inside.nonzero().flatten()
        mask_NAA = _shift_mask((padded.shape[1], padded.shape[2]), window, shift, device) if any(shift) else None
        return _Plan(high * wide, cells.clamp(min=0), empty if len(empty) else None, back, mask_NAA)


def _windows(map_BHW: Tensor, window: Size) -> Tensor:
    """(N, A), picture by picture."""
    (high, wide), (B, H, W) = window, map_BHW.shape
    return map_BHW.view(B, H // high, high, W // wide, wide).transpose(2, 3).reshape(-1, high * wide)


def _shift_mask(size: Size, window: Size, shift: Size, device: torch.device) -> Tensor:
    """(N, A, A): 0 where two cells of a window were neighbours before the shift."""
    region_HW = torch.zeros(size, device=device)
    for axis in (0, 1):
        place = torch.arange(size[axis], device=device)
        part = (place >= size[axis] - window[axis]).int() + (place >= size[axis] - shift[axis]).int()
        region_HW = region_HW * 3 + (part[:, None] if axis == 0 else part[None])
    region_NA = _windows(region_HW[None], window)
    return torch.where(region_NA[:, None] == region_NA[:, :, None], 0.0, _APART)
