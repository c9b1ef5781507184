"""Free phrases: boxes labelled as the original does, by all words of the caption that score high.

For programs that rely on it. A label may be cut, merged or empty ("race car car", "##et"); `Detector.detect` labels
each box with one phrase of the prompt instead.
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

_DELIMITERS = frozenset(("[CLS]", "[SEP]", "."))
_MAX_POSITION = 255  # the original stops here, which omits the last of 256 tokens


@dataclass(frozen=True, slots=True)
class FreePhrase:
    """One box and the words that label it.

    Args:
        label: the words above the text threshold, in the order of the caption; may be empty.
        score: the best word's, 0..1.
        box_xyxy: px of the picture.
    """

    label: str
    score: float
    box_xyxy: NDArray[np.float32]


def free_phrases(outputs: Sequence[RawOutput], box_threshold: float, text_threshold: float) -> list[FreePhrase]:
    """Every query whose best word scores above `box_threshold`, labelled by its words above `text_threshold`.

    Args:
        outputs: one per caption of a prompt.
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
    """The pieces that score above the threshold, as text; the first one, [CLS], is left out.

    Args:
        scores_T: one query's score for each piece of a caption.
        combine: pieces of several phrases may form one label; else only those between the delimiters around the best
            piece do (`remove_combined` of the original).
    """
    left, right = (0, _MAX_POSITION) if combine else _delimiters_around(pieces, int(scores_T.argmax()))
    positions = range(left + 1, min(right, len(pieces)))
    return decode_pieces([pieces[position] for position in positions if scores_T[position] > text_threshold]).replace(
        ".", ""
    )


def _delimiters_around(pieces: Sequence[str], best: int) -> tuple[int, int]:
    """Positions of the delimiters around the best piece; '.' closes the phrase before it; [CLS] follows the last."""
    marks = [position for position, piece in enumerate(pieces) if piece in _DELIMITERS]
    after = min(bisect_left(marks, best), len(marks) - 1)
    return marks[after - 1], marks[after]
