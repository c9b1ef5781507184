"""A caption as the original reads it: tokenised whole, parted at '.' and '?', and read back as text.

Source: the inference script that came with Grounding DINO (https://arxiv.org/abs/2303.05499), and BERT's tokenizer in
transformers, which tidies the blanks around marks when it decodes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers.decoders import WordPiece

from ..dino.tokenizer import MAX_TOKENS, TokenizedPrompt, Tokenizer

_PARTING = ("[CLS]", "[SEP]", ".", "?")
# What transformers takes the blanks out of, in its order.
_TIDIED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")


def closed_caption(caption: str) -> str:
    """Lower case, without blanks around it, with a '.' at the end."""
    caption = caption.lower().strip()
    return caption if caption.endswith(".") else caption + "."


def tokenize_caption(tokenizer: Tokenizer, caption: str) -> TokenizedPrompt:
    """The caption's tokens, of which each sees those between the same two marks; cut off where BERT ends.

    No token belongs to a phrase: the original has none.
    """
    first, last = tokenizer.vocabulary["[CLS]"], tokenizer.vocabulary["[SEP]"]
    ids = [first, *tokenizer.ids(caption), last]
    parting = {tokenizer.vocabulary[mark] for mark in _PARTING if mark in tokenizer.vocabulary}
    count, begin = len(ids), 0
    sees_TT = torch.eye(count, dtype=torch.bool)
    positions_T = torch.zeros(count, dtype=torch.long)
    for place in (row for row, token in enumerate(ids) if token in parting):
        if 0 < place < count - 1:
            sees_TT[begin + 1 : place + 1, begin + 1 : place + 1] = True
            positions_T[begin + 1 : place + 1] = torch.arange(place - begin)
        begin = place
    kept = min(count, MAX_TOKENS)
    spans_WT = torch.zeros(0, kept, dtype=torch.bool)
    return TokenizedPrompt(torch.tensor(ids)[:kept], positions_T[:kept], sees_TT[:kept, :kept], spans_WT, ())


def decode_pieces(pieces: Sequence[str]) -> str:
    """Word pieces as text, as transformers' tokenizer of BERT gives it back: 'men', ''', 's' -> "men's".

    A first piece keeps its '##', and marks such as '[SEP]' stay.
    """
    text = str(WordPiece(prefix="##", cleanup=True).decode(list(pieces)))
    for tidied in _TIDIED:
        text = text.replace(tidied, tidied.replace(" ", ""))
    return text
