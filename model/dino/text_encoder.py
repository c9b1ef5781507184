"""Text encoder: features of the prompt's tokens, by BERT under the sub-sentence mask.

Letters: B prompt, T token, C channel.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import TextConfig
from .bert import Bert
from .layers import lowest
from .tokenizer import TokenizedPrompt


@dataclass(frozen=True, slots=True)
class Words:
    """Several captions, padded to the longest. B prompts, T tokens."""

    ids_BT: Tensor
    positions_BT: Tensor
    sees_BTT: Tensor
    no_word_BT: Tensor

    def to(self, device: torch.device) -> Words:
        return Words(*(getattr(self, name).to(device) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """The captions' features, for the rest of the model.

    Args:
        features_BTC: one vector per token.
        positions_BT: the token's position within its wording.
        mask_B1TT: 0 where a token may attend, else a large negative number.
        no_word_BT: True at padding.
    """

    features_BTC: Tensor
    positions_BT: Tensor
    mask_B1TT: Tensor
    no_word_BT: Tensor

    def to(self, dtype: torch.dtype) -> TextFeatures:
        """The features in another number format."""
        return replace(self, features_BTC=self.features_BTC.to(dtype))


def pad_words(prompts: Sequence[TokenizedPrompt]) -> Words:
    """Stack captions of different lengths. A padding token attends to itself alone."""
    longest = max(len(prompt.ids_T) for prompt in prompts)
    B = len(prompts)
    ids = torch.zeros(B, longest, dtype=torch.long)
    positions = torch.zeros(B, longest, dtype=torch.long)
    sees = torch.eye(longest, dtype=torch.bool).repeat(B, 1, 1)
    padding = torch.ones(B, longest, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        count = len(prompt.ids_T)
        ids[row, :count] = prompt.ids_T
        positions[row, :count] = prompt.positions_T
        sees[row, :count, :count] = prompt.sees_TT
        padding[row, :count] = False
    return Words(ids, positions, sees, padding)


def stack_features(prompts: Sequence[TextFeatures]) -> TextFeatures:
    """The features of several prompts as one batch, padded to the longest."""
    if len(prompts) == 1:
        return prompts[0]
    longest = max(prompt.features_BTC.shape[1] for prompt in prompts)
    padded = [pad_features(prompt, longest) for prompt in prompts]
    return TextFeatures(
        torch.cat([one.features_BTC for one in padded]),
        torch.cat([one.positions_BT for one in padded]),
        torch.cat([one.mask_B1TT for one in padded]),
        torch.cat([one.no_word_BT for one in padded]),
    )


def pad_features(text: TextFeatures, length: int) -> TextFeatures:
    """The same captions padded to `length` tokens. Padding tokens attend to themselves alone and are masked."""
    added = length - text.features_BTC.shape[1]
    if added == 0:
        return text
    mask = F.pad(text.mask_B1TT, (0, added, 0, added), value=lowest(torch.float32))
    return TextFeatures(
        F.pad(text.features_BTC, (0, 0, 0, added)),
        F.pad(text.positions_BT, (0, added)),
        mask.masked_fill(torch.eye(length, dtype=torch.bool, device=mask.device), 0.0),
        F.pad(text.no_word_BT, (0, added), value=True),
    )


class TextEncoder(nn.Module):
    """BERT, and the projection to the width of the image features."""

    def __init__(self, config: TextConfig, width: int) -> None:
        super().__init__()
        self.bert = Bert(config)
        self.projection = nn.Linear(config.width, width)

    def forward(self, words: Words) -> TextFeatures:
        mask_B1TT = torch.zeros(words.sees_BTT.shape, dtype=torch.float32, device=words.ids_BT.device)
        mask_B1TT = mask_B1TT.masked_fill(~words.sees_BTT, lowest(torch.float32))[:, None]
        hidden_BTC = self.bert(words.ids_BT, words.positions_BT, mask_B1TT)
        return TextFeatures(self.projection(hidden_BTC), words.positions_BT, mask_B1TT, words.no_word_BT)
