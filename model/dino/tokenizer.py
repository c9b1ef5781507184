"""Tokenizer: from a prompt to token ids, and which token belongs to which wording.

Each wording is tokenised separately, and the caption joins them as `[CLS] a . b . c . [SEP]`. Each wording attends to
itself and its closing '.' alone (the sub-sentence mask of https://arxiv.org/abs/2303.05499, section 3.4).
A '.' or '?' within a wording ("3.5 mm jack") is a token like its words and separates nothing. Training gives these two
marks no boxes, so they are left out of the wording's score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer as RawTokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

from ..prompt import Prompt, PromptError

MAX_TOKENS = 256
_UNSCORED_MARKS = (".", "?")


@dataclass(frozen=True, slots=True)
class TokenizedPrompt:
    """One tokenised caption. T tokens, W wordings.

    Args:
        ids_T: token ids.
        positions_T: each token's position within its wording, from 0.
        sees_TT: True where the row's token may attend to the column's.
        spans_WT: True where the token is part of the wording ('.' and '?' are part of none).
        phrase_of_W: the index in `prompt.phrases` that the wording belongs to.
    """

    ids_T: Tensor
    positions_T: Tensor
    sees_TT: Tensor
    spans_WT: Tensor
    phrase_of_W: tuple[int, ...]


class Tokenizer:
    """BERT's WordPiece tokenizer over a given vocabulary, so nothing is downloaded."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = dict(vocabulary)
        self._raw = RawTokenizer(WordPiece(vocab=self.vocabulary, unk_token="[UNK]"))
        self._marks = frozenset(self.vocabulary.get(mark) for mark in _UNSCORED_MARKS)
        self._normalizer = BertNormalizer(lowercase=True)
        self._raw.normalizer = self._normalizer
        self._raw.pre_tokenizer = BertPreTokenizer()

    def ids(self, wording: str) -> list[int]:
        """The token ids of one wording."""
        return self._raw.encode(wording, add_special_tokens=False).ids

    def split(self, wording: str) -> list[str]:
        """Its words and punctuation marks, before they are split into pieces."""
        clean = self._normalizer.normalize_str(wording)
        return [word for word, _ in BertPreTokenizer().pre_tokenize_str(clean)]

    def encode(self, prompt: Prompt) -> TokenizedPrompt:
        """The whole prompt as one caption.

        Raises:
            PromptError: more tokens than the text encoder was trained for.
        """
        first, *more = self.captions(prompt)
        if more:
            raise PromptError(f"the prompt has more than {MAX_TOKENS} tokens: ask for fewer phrases")
        return first

    def captions(self, prompt: Prompt) -> list[TokenizedPrompt]:
        """The prompt's captions: several if it is too long for the text encoder.

        Raises:
            PromptError: a single wording is longer than the text encoder was trained for.
        """
        return [self._caption(chunk) for chunk in self.chunks(prompt)]

    def chunks(self, prompt: Prompt) -> list[list[tuple[int, list[int]]]]:
        """For each caption, the phrase's index and the token ids of every wording; raises as `captions`."""
        wordings = [
            (index, self.ids(wording)) for index, phrase in enumerate(prompt.phrases) for wording in phrase.wordings
        ]
        chunks: list[list[tuple[int, list[int]]]] = []
        tokens_left = 0
        for index, pieces in wordings:
            if len(pieces) + 3 > MAX_TOKENS:
                name = prompt.phrases[index].name
                raise PromptError(f"phrase {name[:40]!r} has {len(pieces)} tokens: at most {MAX_TOKENS - 3} fit")
            if len(pieces) + 1 > tokens_left:
                chunks.append([])
                tokens_left = MAX_TOKENS - 2
            chunks[-1].append((index, pieces))
            tokens_left -= len(pieces) + 1
        return chunks

    def words(self, tokens: TokenizedPrompt) -> tuple[str, ...]:
        """The word pieces of a caption."""
        return tuple(self._raw.id_to_token(int(row)) or "[UNK]" for row in tokens.ids_T)

    def _caption(self, wordings: Sequence[tuple[int, list[int]]]) -> TokenizedPrompt:
        first, last, dot = (self.vocabulary[mark] for mark in ("[CLS]", "[SEP]", "."))
        count = 2 + sum(len(pieces) + 1 for _, pieces in wordings)
        ids, positions = [first], [0]
        sees_TT = torch.eye(count, dtype=torch.bool)
        spans_WT = torch.zeros(len(wordings), count, dtype=torch.bool)
        for row, (_, pieces) in enumerate(wordings):
            start, stop = len(ids), len(ids) + len(pieces)
            sees_TT[start : stop + 1, start : stop + 1] = True
            spans_WT[row, start:stop] = torch.tensor([piece not in self._marks for piece in pieces])
            ids += [*pieces, dot]
            positions += range(len(pieces) + 1)
        ids.append(last)
        positions.append(0)
        return TokenizedPrompt(
            torch.tensor(ids), torch.tensor(positions), sees_TT, spans_WT, tuple(index for index, _ in wordings)
        )
