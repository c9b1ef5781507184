"""Whole captions, as the original reads them: tokenised at once, split at '.' and '?', and decoded to text.

Source: the inference script that came with Grounding DINO (https://arxiv.org/abs/2303.05499), and BERT's tokenizer in
transformers, which removes spaces around punctuation when it decodes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers.decoders import WordPiece

from ..dino.tokenizer import MAX_TOKENS, TokenizedPrompt, Tokenizer

_DELIMITERS = ("[CLS]", "[SEP]", ".", "?")
# Patterns whose spaces transformers removes, in its order.
_UNSPACED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")


def closed_caption(caption: str) -> str:
    """The caption in lower case, stripped, with a '.' at the end."""
    caption = caption.lower().strip()
    return caption if caption.endswith(".") else caption + "."


def tokenize_caption(tokenizer: Tokenizer, caption: str) -> TokenizedPrompt:
    """The caption's tokens; each attends to those between the same two delimiters. Truncated at BERT's limit.

    No token belongs to a phrase, since the original has no phrases.
    """
    first, last = tokenizer.vocabulary["[CLS]"], tokenizer.vocabulary["[SEP]"]
    ids = [first, *tokenizer.ids(caption), last]
    delimiters = {tokenizer.vocabulary[mark] for mark in _DELIMITERS if mark in tokenizer.vocabulary}
    count, begin = len(ids), 0
    sees_TT = torch.eye(count, dtype=torch.bool)
    positions_T = torch.zeros(count, dtype=torch.long)
    for position in (row for row, token in enumerate(ids) if token in delimiters):
        if 0 < position < count - 1:
            sees_TT[begin + 1 : position + 1, begin + 1 : position + 1] = True
            positions_T[begin + 1 : position + 1] = torch.arange(position - begin)
        begin = position
    length = min(count, MAX_TOKENS)
    spans_WT = torch.zeros(0, length, dtype=torch.bool)
    return TokenizedPrompt(torch.tensor(ids)[:length], positions_T[:length], sees_TT[:length, :length], spans_WT, ())


def decode_pieces(pieces: Sequence[str]) -> str:
    """Word pieces as text, as transformers' BERT tokenizer decodes them: 'men', ''', 's' -> "men's".

    A first piece keeps its '##', and special tokens such as '[SEP]' stay.
    """
    text = str(WordPiece(prefix="##", cleanup=True).decode(list(pieces)))
    for tidied in _UNSPACED:
        text = text.replace(tidied, tidied.replace(" ", ""))
    return text
