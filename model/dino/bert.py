"""BERT's encoder: token ids and positions in, one vector a token out, under an attention mask.

As transformers' BertModel, with the same tensor names: importing that class takes seconds.

Letters: B prompt, T token, C channel, N head, D channels of a head.
Source: BERT (https://arxiv.org/abs/1810.04805).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import TextConfig
from .layers import Recomputed, attend

_MAX_POSITIONS = 512
_SENTENCE_TYPES = 2  # one of which is used here
_EPS = 1e-12
_INITIAL_STD = 0.02


class Bert(Recomputed):
    """Embeddings, and the encoder's layers. New weights are initialised as in the paper."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_BertLayer(config) for _ in range(config.layers))})
        self.apply(_initialise)

    def forward(self, ids_BT: Tensor, positions_BT: Tensor, mask_B1TT: Tensor) -> Tensor:
        """(B, T, C); `mask_B1TT` is 0 where a token may attend, else a large negative number."""
        hidden_BTC = self.embeddings(ids_BT, positions_BT)
        for layer in self.encoder["layer"].children():
            hidden_BTC = self.run(layer, hidden_BTC, mask_B1TT)
        return hidden_BTC


class _Embeddings(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width, padding_idx=0)
        self.position_embeddings = nn.Embedding(_MAX_POSITIONS, config.width)
        self.token_type_embeddings = nn.Embedding(_SENTENCE_TYPES, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, eps=_EPS)

    def forward(self, ids_BT: Tensor, positions_BT: Tensor) -> Tensor:
        type_C = self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(ids_BT) + type_C + self.position_embeddings(positions_BT))


class _BertLayer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        attend, project = _SelfAttention(config.width, config.heads), _Residual(config.width, config.width)
        self.attention = nn.ModuleDict({"self": attend, "output": project})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.width, config.feed_forward)})
        self.output = _Residual(config.feed_forward, config.width)

    def forward(self, hidden_BTC: Tensor, mask_B1TT: Tensor) -> Tensor:
        attended_BTC = self.attention["self"](hidden_BTC, mask_B1TT)
        hidden_BTC = self.attention["output"](attended_BTC, hidden_BTC)
        return self.output(F.gelu(self.intermediate["dense"](hidden_BTC)), hidden_BTC)


class _SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, hidden_BTC: Tensor, mask_B1TT: Tensor) -> Tensor:
        q, k, v = self.query(hidden_BTC), self.key(hidden_BTC), self.value(hidden_BTC)
        return attend(q, k, v, self.heads, mask_B1TT)


class _Residual(nn.Module):
    """A linear layer, a residual and the norm after it."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width_in, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPS)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + residual)


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=_INITIAL_STD)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        nn.init.zeros_(module.weight[module.padding_idx])
