"""The original's own reading of an answer: a box is called whatever words of the caption it answers.

Kept for those who build on it. A label may be cut, merged or empty ("race car car", "#et"); `Detector.detect` gives
each box one of the names that were asked for instead.
Source: Grounding DINO (https://arxiv.org/abs/2303.05499) and the inference script that came with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .seen import RawOutput

_PARTING = frozenset(("[CLS]", "[SEP]", "."))
_MARKS = _PARTING | {"[PAD]"}


@dataclass(frozen=True, slots=True)
class FreePhrase:
    """One box and the words it answers.

    Args:
        label: the words above the text threshold, in the order of the caption; may be empty.
        score: of the best word.
        box_xyxy: px of the picture.
    """

    label: str
    score: float
    box_xyxy: NDArray[np.float32]


def free_phrases(
    outputs: Sequence[RawOutput], box_threshold: float, text_threshold: float, *, combine: bool = True
) -> list[FreePhrase]:
    """Every query whose best word scores above `box_threshold`, called by its words above `text_threshold`.

    Args:
        outputs: one for each caption of a prompt.
        combine: words of several phrases may make one label; else only those beside the best word do, between the
            marks around it (`remove_combined` of the original).
    """
    found: list[FreePhrase] = []
    for output in outputs:
        best = output.scores.max(1)
        for row in np.flatnonzero(best > box_threshold):
            scores = output.scores[row]
            read = range(len(output.words)) if combine else _beside(output.words, int(scores.argmax()))
            words = [output.words[place] for place in read if scores[place] > text_threshold]
            found.append(FreePhrase(join_pieces(words), float(best[row]), output.boxes_xyxy[row]))
    return sorted(found, key=lambda one: -one.score)


def join_pieces(pieces: Sequence[str]) -> str:
    """Word pieces as text: 'car', '##pet' -> 'carpet'; the marks between phrases are left out."""
    text = ""
    for piece in pieces:
        if piece.startswith("##"):
            text += piece[2:]
        elif piece not in _MARKS:
            text += f" {piece}"
    return text.strip()


def _beside(words: Sequence[str], best: int) -> range:
    """The places between the marks around the best word; a '.' closes the phrase before it, nothing is before [CLS]."""
    marks = [place for place, word in enumerate(words) if word in _PARTING]
    right = next(mark for mark in marks if mark >= best)
    left = max((mark for mark in marks if mark < right), default=right)
    return range(left + 1, right)
