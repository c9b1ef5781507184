"""How well a query answers each word: a product of their features.

Letters: B picture, Q query, T token, C channel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .config import ModelConfig


class ClassHead(nn.Module):
    """Logits of queries against words, fp32. 'scaled' is MM-Grounding-DINO's (https://arxiv.org/abs/2401.02361)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        scaled = config.head == "scaled"
        self.scale = config.width**-0.5 if scaled else 1.0
        # A rare answer at first: the focal loss begins where one in a hundred is right.
        self.bias = nn.Parameter(torch.tensor(-math.log(99.0))) if scaled else None

    def forward(self, queries_BQC: Tensor, text_BTC: Tensor, no_word_BT: Tensor) -> Tensor:
        logits_BQT = (queries_BQC @ text_BTC.transpose(-1, -2)).float() * self.scale
        if self.bias is not None:
            logits_BQT = logits_BQT + self.bias
        return logits_BQT.masked_fill(no_word_BT[:, None], float("-inf"))
