# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Image and text look at each other: the bi-directional fusion of GLIP and Grounding DINO.

Letters: B picture, S flattened pixels, T token, C channel, N head, D channels of a head.
Source: GLIP (https://arxiv.org/abs/2112.03857), section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import lowest


class Fusion(nn.Module):
    """One score matrix, read both ways: pixels gather words and words gather pixels."""

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
        """`no_word_BT` and `padding_BS` are True where there is nothing. The residual adds to the normed input."""
        image_BSC = self.norm_image(image_BSC)
        text_BTC = self.norm_text(text_BTC)
        query_BNSD = self._split(self.image_proj(image_BSC)) * self.head_scale
        key_BNTD = self._split(self.text_proj(text_BTC))
        scores_BNST = (query_BNSD @ key_BNTD.transpose(-1, -2)).float()
        out_of_text = no_word_BT[:, None, None, :]
        to_words = scores_BNST.masked_fill(out_of_text, lowest(scores_BNST.dtype)).softmax(-1)
        to_pixels = scores_BNST.transpose(-1, -2)
        if padding_BS is not None:
            to_pixels = to_pixels.masked_fill(padding_BS[:, None, None, :], lowest(to_pixels.dtype))
        to_pixels = to_pixels.softmax(-1)
        image_values = self._split(self.image_values(image_BSC))
        text_values = self._split(self.text_values(text_BTC))
        image_change = self.image_out(self._join(to_words.to(text_values.dtype) @ text_values))
        text_change = self.text_out(self._join(to_pixels.to(image_values.dtype) @ image_values))
        return image_BSC + self.image_scale * image_change, text_BTC + self.text_scale * text_change

    def _split(self, x_BTC: Tensor) -> Tensor:
        return x_BTC.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    @staticmethod
    def _join(x_BNTD: Tensor) -> Tensor:
        return x_BNTD.transpose(1, 2).flatten(2)
