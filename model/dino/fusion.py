"""Fusion: bidirectional cross-attention between image and text, as in GLIP and Grounding DINO.

Letters: B picture, S flattened pixels, T token, C channel, N head, D channels of a head.
Source: GLIP (https://arxiv.org/abs/2112.03857), section 3.2.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import lowest


class Fusion(nn.Module):
    """One score matrix for both directions: pixels attend to words and words to pixels."""

    def __init__(self, width: int, fusion_width: int, heads: int, scale: float) -> None:
        super().__init__()
        self.heads = heads
        self.head_scale = (fusion_width // heads) ** -0.5
        self.norm_image = nn.LayerNorm(width)
        self.norm_text = nn.LayerNorm(width)
        self.image_proj = nn.Linear(width, fusion_width)
        self.text_proj = nn.Linear(width, fusion_width)
        self.image_values = nn.Linear(width, fusion_width)
        self.text_values = nn.Linear(width, fusion_width)
        self.image_out = nn.Linear(fusion_width, width)
        self.text_out = nn.Linear(fusion_width, width)
        self.image_scale = nn.Parameter(torch.full((width,), scale))
        self.text_scale = nn.Parameter(torch.full((width,), scale))

    def forward(
        self,
        image_BSC: Tensor,
        text_BTC: Tensor,
        no_word_BT: Tensor,
        padding_BS: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`no_word_BT` and `padding_BS` are True in the padding. The residual adds to the normed input.

        Words are few and pixels many, so every product with a weight is computed on the text side: keys and values
        get the width of a pixel, and pixels are projected only after pooling. The result differs by rounding alone.
        """
        image_BSC = self.norm_image(image_BSC)
        text_BTC = self.norm_text(text_BTC)
        N, T = self.heads, text_BTC.shape[1]
        key_BNTD = self._split(self.text_proj(text_BTC)) * self.head_scale
        key_BNTC = key_BNTD @ self._of_heads(self.image_proj.weight)
        scores_BNTS = self._scores(key_BNTC, image_BSC)
        to_pixels = scores_BNTS  # a word's constant score over all pixels cancels in the softmax
        if padding_BS is not None:
            to_pixels = to_pixels.masked_fill(padding_BS[:, None, None, :], lowest(to_pixels.dtype))
        pooled_BNTC = to_pixels.softmax(-1).to(image_BSC.dtype).flatten(1, 2) @ image_BSC
        offset_BNT1 = (key_BNTD @ self.image_proj.bias.view(N, -1, 1)).float()
        offset_BNT1 = offset_BNT1.masked_fill(no_word_BT[:, None, :, None], lowest(torch.float32))
        # Not transposed: over words as a short last dimension a softmax takes fifteen times as long on a CPU.
        to_words_BNTS = (scores_BNTS + offset_BNT1).softmax(2).to(image_BSC.dtype)
        values_BNTC = self._split(self.text_values(text_BTC)) @ self._of_heads(self.image_out.weight.T)
        # The weights of a head sum to one, so each word's value can include the head's part of the bias.
        values_BNTC = (values_BNTC + self.image_out.bias / N) * self.image_scale
        weights_BSX = to_words_BNTS.flatten(1, 2).transpose(1, 2)
        image_change = weights_BSX @ values_BNTC.flatten(1, 2)
        weight_NCD = self._of_heads(self.image_values.weight).transpose(-1, -2)
        image_values: Tensor = pooled_BNTC.unflatten(1, (N, T)) @ weight_NCD
        text_change = self.text_out(self._join(image_values) + self.image_values.bias)
        return image_BSC + image_change, text_BTC + self.text_scale * text_change

    def _scores(self, key_BNTC: Tensor, image_BSC: Tensor) -> Tensor:
        """(B, N, T, S) in fp32: each word's score on each pixel, by head."""
        scores_BXS = (image_BSC @ key_BNTC.flatten(1, 2).transpose(1, 2)).transpose(1, 2)
        return scores_BXS.to(torch.float32, memory_format=torch.contiguous_format).unflatten(1, key_BNTC.shape[1:3])

    def _of_heads(self, weight_FC: Tensor) -> Tensor:
        """The weight split by heads, (N, D, C)."""
        return weight_FC.unflatten(0, (self.heads, -1))

    def _split(self, x_BTC: Tensor) -> Tensor:
        return x_BTC.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    @staticmethod
    def _join(x_BNTD: Tensor) -> Tensor:
        return x_BNTD.transpose(1, 2).flatten(2)
