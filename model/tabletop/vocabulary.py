"""tabletop's vocabulary: BERT's special tokens, the words it knows, and the wordings it was taught."""

from __future__ import annotations

from .words import COLOURS, KINDS, PAIRS, phrase

OBJECT = "object"


def vocabulary() -> dict[str, int]:
    """Token -> id."""
    return {
        token: index for index, token in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", OBJECT, *COLOURS, *KINDS))
    }


def known_wordings() -> tuple[str, ...]:
    """Every wording of the training, and those of the held-out pairs: 'red mug', 'mug', 'red object'."""
    pairs = (phrase(colour, kind) for colour, kind in PAIRS)
    return (*pairs, *KINDS, *(f"{colour} {OBJECT}" for colour in COLOURS))
