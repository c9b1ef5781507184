"""Decoder: queries attend to each other, to the text and to the picture, and refine their boxes layer by layer.

Letters: B picture, S flattened pixels, C channel, Q query, T token, L level.
Source: Grounding DINO (https://arxiv.org/abs/2303.05499), section 3.3, and DINO for the refinement.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from .deformable import DeformableAttention
from .heads import BoxHead
from .layers import MLP, Attention, FeedForward, Recomputed, inverse_sigmoid, lowest
from .picture_area import PictureArea
from .sine_embedding import box_embedding


class Decoder(Recomputed):
    """Refines boxes; every layer starts from the detached boxes of the previous one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, count = config.width, config.decoder_layers
        self.layers = nn.ModuleList(_DecoderLayer(config) for _ in range(count))
        self.norm = nn.LayerNorm(width)
        self.reference_head = MLP(2 * width, width, width, 2)
        shared = BoxHead(width)
        self.box = nn.ModuleList(shared if config.share_heads else BoxHead(width) for _ in range(count))
        self.levels = len(config.levels) + config.extra_levels
        self.refine_eps, self.answer_eps = config.refine_eps, config.answer_eps
        self.joined_values: nn.Linear | None = None

    @torch.no_grad()
    def join_values(self) -> None:
        """Compute the values of all layers in one product instead of one a layer, for inference only."""
        each = [layer.image_attention.value_proj for layer in cast("Iterable[_DecoderLayer]", self.layers)]
        weight = torch.cat([one.weight for one in each])
        joined = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
        joined.weight.copy_(weight)
        joined.bias.copy_(torch.cat([one.bias for one in each]))
        self.joined_values = joined

    def forward(
        self,
        content_BQC: Tensor,
        boxes_BQ4: Tensor,
        memory_BSC: Tensor,
        shapes: Sequence[tuple[int, int]],
        text_BTC: Tensor,
        no_word_BT: Tensor,
        area: PictureArea | None = None,
        self_bias: Tensor | None = None,
        *,
        every_layer: bool = False,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Queries (B, Q, C) and boxes (B, Q, 4; cx cy w h, fp32): after the last layer, or after each.

        Args:
            area: given if boxes are in 0..1 of the picture instead of the input.
            self_bias: added to the scores of the queries' self-attention.
            every_layer: return the results of every layer, for training.
        """
        queries: list[Tensor] = []
        boxes: list[Tensor] = []
        hidden, reference = content_BQC, boxes_BQ4.detach()
        word_bias = no_word_BT[:, None, None].float() * lowest(hidden.dtype)
        ratios_BL4 = area.ratios.repeat(1, 1, 2) if area is not None and area.padded else None
        padding_BS = None if area is None else area.padding
        values: Sequence[Tensor | None] = [None] * len(self.layers)
        if self.joined_values is not None:
            values = self.joined_values(memory_BSC).chunk(len(self.layers), -1)
        for row, (layer, head) in enumerate(zip(self.layers, self.box, strict=True)):
            is_last = row == len(self.layers) - 1
            reference_BQL4 = reference[:, :, None].expand(-1, -1, self.levels, -1)
            if ratios_BL4 is not None:
                reference_BQL4 = reference_BQL4 * ratios_BL4[:, None]
            position_BQC = self.reference_head(
                box_embedding(reference_BQL4[:, :, 0], hidden.shape[-1]).to(hidden.dtype)
            )
            image_inputs = reference_BQL4, memory_BSC, shapes, padding_BS, values[row]
            hidden = self.run(layer, hidden, position_BQC, text_BTC, word_bias, self_bias, *image_inputs)
            # The refinement reads the raw hidden state and the output the normed one, as in the original.
            if is_last or every_layer:
                queries.append(self.norm(hidden))
                boxes.append((head(queries[-1]) + inverse_sigmoid(reference, self.answer_eps)).sigmoid())
            if not is_last:
                reference = (head(hidden) + inverse_sigmoid(reference, self.refine_eps)).sigmoid().detach()
        return queries, boxes


class _DecoderLayer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attention = Attention(width, config.heads)
        self.self_norm = nn.LayerNorm(width)
        self.text_attention = Attention(width, config.heads)
        self.text_norm = nn.LayerNorm(width)
        levels = len(config.levels) + config.extra_levels
        self.image_attention = DeformableAttention(width, config.heads, levels, config.points)
        self.image_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, config.feed_forward)

    def forward(
        self,
        hidden: Tensor,
        position_BQC: Tensor,
        text_BTC: Tensor,
        word_bias: Tensor,
        self_bias: Tensor | None,
        reference_BQL4: Tensor,
        memory_BSC: Tensor,
        shapes: Sequence[tuple[int, int]],
        padding_BS: Tensor | None,
        value_BSC: Tensor | None,
    ) -> Tensor:
        positioned = hidden + position_BQC
        hidden = self.self_norm(hidden + self.self_attention(positioned, positioned, hidden, self_bias))
        hidden = self.text_norm(hidden + self.text_attention(hidden + position_BQC, text_BTC, text_BTC, word_bias))
        attended = self.image_attention(
            hidden + position_BQC, reference_BQL4, memory_BSC, shapes, padding_BS, value_BSC
        )
        hidden = self.image_norm(hidden + attended)
        return self.feed_forward(hidden)
