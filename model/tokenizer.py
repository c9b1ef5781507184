"""From a prompt to token ids, and which token belongs to which wording.

A wording is tokenised by itself, and the caption joins them as `[CLS] a . b . c . [SEP]`. Each wording sees itself
and its closing '.' alone: the sub-sentence mask of Grounding DINO (https://arxiv.org/abs/2303.05499, section 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer as RawTokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

from .prompt import Prompt, PromptError

MOST_TOKENS = 256


@dataclass(frozen=True, slots=True)
class TokenizedPrompt:
    """One caption as numbers. T tokens, W wordings.

    Args:
        ids_T: token ids.
        positions_T: each token's place within its own wording, from 0.
        sees_TT: True where the row's token may look at the column's.
        spans_WT: True where the token is part of the wording ('.' is part of none).
        phrase_of_W: the index in `prompt.phrases` that the wording belongs to.
    """

    ids_T: Tensor
    positions_T: Tensor
    sees_TT: Tensor
    spans_WT: Tensor
    phrase_of_W: tuple[int, ...]


class Tokenizer:
    """BERT's word pieces over a vocabulary that is given, so nothing is ever fetched."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = dict(vocabulary)
        self._raw = RawTokenizer(WordPiece(vocab=self.vocabulary, unk_token="[UNK]"))
        self._raw.normalizer = BertNormalizer(lowercase=True)
        self._raw.pre_tokenizer = BertPreTokenizer()

    def ids(self, wording: str) -> list[int]:
        """The pieces of one wording."""
        return self._raw.encode(wording, add_special_tokens=False).ids

    def encode(self, prompt: Prompt) -> TokenizedPrompt:
        """The whole caption.

        Raises:
            PromptError: more tokens than the text encoder was trained for.
        """
        first, last, dot = (self.vocabulary[mark] for mark in ("[CLS]", "[SEP]", "."))
        wordings = [
            (index, self.ids(wording)) for index, phrase in enumerate(prompt.phrases) for wording in phrase.wordings
        ]
        count = 2 + sum(len(ids) + 1 for _, ids in wordings)
        if count > MOST_TOKENS:
            raise PromptError(f"the prompt has {count} tokens: at most {MOST_TOKENS} fit, ask for fewer phrases")
        ids, positions = [first], [0]
        sees_TT = torch.eye(count, dtype=torch.bool)
        spans_WT = torch.zeros(len(wordings), count, dtype=torch.bool)
        for row, (_, pieces) in enumerate(wordings):
            start, stop = len(ids), len(ids) + len(pieces)
            sees_TT[start : stop + 1, start : stop + 1] = True
            spans_WT[row, start:stop] = True
            ids += [*pieces, dot]
            positions += range(len(pieces) + 1)
        ids.append(last)
        positions.append(0)
        return TokenizedPrompt(
            torch.tensor(ids), torch.tensor(positions), sees_TT, spans_WT, tuple(index for index, _ in wordings)
        )
