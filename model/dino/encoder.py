"""The full body's feature enhancer: image and text are fused on every level, in six layers.

Letters: B picture, C channel, S flattened cells of all levels, T token, L level.
Source: Grounding DINO (https://arxiv.org/abs/2303.05499), section 3.1.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from .deformable import DeformableAttention
from .fusion import Fusion
from .layers import Attention, FeedForward, Recomputed
from .picture_area import PictureArea
from .sine_embedding import word_embedding
from .text_encoder import TextFeatures


class Encoder(Recomputed):
    """Layers of fusion, text self-attention and deformable self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        levels = len(config.levels) + config.extra_levels
        self.level_embed = nn.Parameter(torch.randn(levels, config.width))
        self.layers = nn.ModuleList(_EncoderLayer(config, levels) for _ in range(config.enhancer_layers))

    def forward(self, maps: Sequence[Tensor], text: TextFeatures, area: PictureArea) -> tuple[Tensor, Tensor]:
        """Maps (B, C, H, W), the finest first -> one memory (B, S, C), and the text features after fusion."""
        image_BSC = torch.cat([one.flatten(2).transpose(1, 2) for one in maps], dim=1)
        text_BTC = text.features_BTC
        position_BSC = area.places(self.level_embed, image_BSC.dtype)
        position_BTC = word_embedding(text.positions_BT, text_BTC.shape[-1]).to(text_BTC.dtype)
        reference_BSL2 = area.centres[:, :, None].expand(len(image_BSC), -1, len(maps), -1)
        if area.padded:
            reference_BSL2 = reference_BSL2 * area.ratios[:, None]
        padding_BS = area.padding
        for layer in self.layers:
            image_BSC, text_BTC = self.run(
                layer, image_BSC, text_BTC, position_BSC, position_BTC, reference_BSL2, area.shapes, padding_BS, text
            )
        return image_BSC, text_BTC


class _EncoderLayer(nn.Module):
    """Text and fusion have half the heads and half the hidden width of the rest, as in the original."""

    def __init__(self, config: ModelConfig, levels: int) -> None:
        super().__init__()
        width, heads, hidden = config.width, config.heads, config.feed_forward
        self.fusion = Fusion(width, config.fusion_width, heads // 2, config.fusion_scale)
        self.text_attention = Attention(width, heads // 2)
        self.text_norm = nn.LayerNorm(width)
        self.text_feed_forward = FeedForward(width, hidden // 2)
        self.image_attention = DeformableAttention(width, heads, levels, config.points)
        self.image_norm = nn.LayerNorm(width)
        self.image_feed_forward = FeedForward(width, hidden)

    def forward(
        self,
        image: Tensor,
        words: Tensor,
        position_BSC: Tensor,
        position_BTC: Tensor,
        reference_BSL2: Tensor,
        shapes: Sequence[tuple[int, int]],
        padding_BS: Tensor | None,
        text: TextFeatures,
    ) -> tuple[Tensor, Tensor]:
        image, words = self.fusion(image, words, text.no_word_BT, padding_BS)
        positioned = words + position_BTC
        words = self.text_norm(words + self.text_attention(positioned, positioned, words, text.mask_B1TT))
        words = self.text_feed_forward(words)
        attended = self.image_attention(image + position_BSC, reference_BSL2, image, shapes, padding_BS)
        return self.image_feed_forward(self.image_norm(image + attended)), words
