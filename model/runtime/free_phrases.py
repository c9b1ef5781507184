"""The original's own reading of an answer: a box is called whatever words of the caption it answers.

Kept for those who build on it. A label may be cut, merged or empty ("race car car", "##et"); `Detector.detect` gives
each box one of the names that were asked for instead.
Source: Grounding DINO (https://arxiv.org/abs/2303.05499) and the inference script that came with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .network_output import RawOutput
from .whole_caption import decode_pieces

_ENDING = frozenset(("[CLS]", "[SEP]", "."))
_MAX_READ = 255  # the original looks no further, which leaves out the last of 256 tokens


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


def free_phrases(outputs: Sequence[RawOutput], box_threshold: float, text_threshold: float) -> list[FreePhrase]:
    """Every query whose best word scores above `box_threshold`, called by its words above `text_threshold`.

    Args:
        outputs: one for each caption of a prompt.
    """
    found: list[FreePhrase] = []
    for output in outputs:
        best = output.scores.max(1)
        for row in np.flatnonzero(best > box_threshold):
            label = free_label(output.scores[row], output.words, text_threshold)
            found.append(FreePhrase(label, float(best[row]), output.boxes_xyxy[row]))
    return found


def free_label(
    scores_T: NDArray[np.float32], pieces: Sequence[str], text_threshold: float, *, combine: bool = True
) -> str:
    """The pieces that score above the threshold, as text; the first one, [CLS], is never read.

    Args:
        scores_T: of one query for each piece of a caption.
        combine: pieces of several phrases may make one label; else only those beside the best one do, between the
            marks around it (`remove_combined` of the original).
    """
    left, right = (0, _MAX_READ) if combine else _beside(pieces, int(scores_T.argmax()))
    read = range(left + 1, min(right, len(pieces)))
    return decode_pieces([pieces[place] for place in read if scores_T[place] > text_threshold]).replace(".", "")


def _beside(pieces: Sequence[str], best: int) -> tuple[int, int]:
    """The marks around the best piece; a '.' closes the phrase before it, and before [CLS] stands the last mark."""
    marks = [place for place, piece in enumerate(pieces) if piece in _ENDING]
    after = min(bisect_left(marks, best), len(marks) - 1)
    return marks[after - 1], marks[after]
