"""Output heads of a query: its logit for each token, and the change of its box.

Letters: B picture, Q query, T token, C channel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from .layers import MLP


class ClassHead(nn.Module):
    """Logits of queries against words, fp32. 'scaled' is MM-Grounding-DINO's (https://arxiv.org/abs/2401.02361)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        scaled = config.head == "scaled"
        self.scale = config.width**-0.5 if scaled else 1.0
        # The prior of the focal loss: at first one answer in a hundred is positive.
        self.bias = nn.Parameter(torch.tensor(-math.log(99.0))) if scaled else None

    def forward(self, queries_BQC: Tensor, text_BTC: Tensor, no_word_BT: Tensor) -> Tensor:
        with torch.autocast(queries_BQC.device.type, enabled=False):
            logits_BQT = (queries_BQC.float() @ text_BTC.float().transpose(-1, -2)) * self.scale
        if self.bias is not None:
            logits_BQT = logits_BQT + self.bias
        return logits_BQT.masked_fill(no_word_BT[:, None], float("-inf"))


class BoxHead(MLP):
    """Changes of cx cy w h in logit space, fp32; initialised to no change."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 4, 3)
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
