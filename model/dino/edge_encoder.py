"""The Edge body's feature enhancer: text is fused into the coarsest map alone, which is then merged into finer ones.

Letters: B picture, C channel, H W pixels, S flattened pixels, T token.
Source: Grounding DINO 1.5 (https://arxiv.org/abs/2405.10300), section 3.2.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from .fusion import Fusion
from .layers import Attention, FeedForward, Recomputed
from .sine_embedding import map_embedding, word_embedding
from .text_encoder import TextFeatures


class EdgeEncoder(Recomputed):
    """Fusion, text and image self-attention on the coarsest map; cross-scale path to the finer ones."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, levels = config.width, len(config.levels)
        self.layers = nn.ModuleList(_EdgeLayer(config) for _ in range(config.enhancer_layers))
        self.merge = nn.ModuleList(_Merge(width) for _ in range(levels - 1))

    def forward(self, maps: Sequence[Tensor], text: TextFeatures) -> tuple[Tensor, Tensor]:
        """Maps (B, C, H, W), the finest first -> one memory (B, S, C), and the text features after fusion."""
        coarse = maps[-1]
        C, H, W = (int(side) for side in coarse.shape[1:])  # plain sizes when traced, too
        image_BSC = coarse.flatten(2).transpose(1, 2)
        text_BTC = text.features_BTC
        position_1SC = map_embedding(H, W, C, coarse.device).flatten(1).T[None].to(coarse.dtype)
        position_BTC = word_embedding(text.positions_BT, C).to(text_BTC.dtype)
        for layer in self.layers:
            image_BSC, text_BTC = self.run(layer, image_BSC, text_BTC, position_1SC, position_BTC, text)
        coarser = image_BSC.transpose(1, 2).unflatten(2, (H, W)).contiguous(memory_format=torch.channels_last)
        out = [coarser]
        for merge, finer in zip(self.merge, reversed(maps[:-1]), strict=True):
            coarser = merge(finer, coarser)
            out.insert(0, coarser)
        return torch.cat([one.flatten(2).transpose(1, 2) for one in out], dim=1), text_BTC


class _EdgeLayer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.feed_forward
        self.fusion = Fusion(width, config.fusion_width, config.heads, config.fusion_scale)
        self.text_attention = Attention(width, config.heads)
        self.text_norm = nn.LayerNorm(width)
        self.text_feed_forward = FeedForward(width, hidden)
        self.image_attention = Attention(width, config.heads)
        self.image_norm = nn.LayerNorm(width)
        self.image_feed_forward = FeedForward(width, hidden)

    def forward(
        self, image: Tensor, words: Tensor, position_1SC: Tensor, position_BTC: Tensor, text: TextFeatures
    ) -> tuple[Tensor, Tensor]:
        image, words = self.fusion(image, words, text.no_word_BT)
        positioned = words + position_BTC
        words = self.text_norm(words + self.text_attention(positioned, positioned, words, text.mask_B1TT))
        words = self.text_feed_forward(words)
        positioned = image + position_1SC
        image = self.image_norm(image + self.image_attention(positioned, positioned, image))
        return self.image_feed_forward(image), words


class _Merge(nn.Module):
    """Merges a coarser map into the next finer one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(2 * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.smooth = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.norm = nn.GroupNorm(32, width)

    def forward(self, finer: Tensor, coarser: Tensor) -> Tensor:
        conv, norm, activation = cast("tuple[nn.Conv2d, nn.Module, nn.Module]", self.reduce)
        # A 1x1 convolution over both concatenated, but the coarser half is convolved before it is upsampled.
        fine_weight, coarse_weight = conv.weight.chunk(2, dim=1)
        grown = F.interpolate(F.conv2d(coarser, coarse_weight), size=finer.shape[-2:], mode="nearest")
        mixed = F.conv2d(finer, fine_weight, conv.bias) + grown
        mixed = activation(norm(mixed))
        return self.norm(mixed + self.smooth(mixed))
