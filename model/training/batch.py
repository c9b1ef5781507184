"""Training batches: pictures, captions and the boxes that match them, for one step.

Letters: B picture, H W pixels, G true boxes of a picture, T token, K noised query.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..dino.text_encoder import Words, pad_words
from ..dino.tokenizer import TokenizedPrompt
from ..runtime.preprocess import normalise
from .denoising import Noised, NoisedPicture, stack_noised
from .matching import Truth


@dataclass(frozen=True, slots=True)
class Example:
    """One picture, one caption, and the boxes that match it.

    Args:
        canvas: (H, W, 3) uint8 RGB.
        valid_wh: the width and height of the picture in the canvas, px.
        tokens: the caption.
        boxes_xyxy: (G, 4) float32, px of the canvas.
        answers_GT: True where the token belongs to a wording of the object.
        noised: the boxes with noise, in 0..1 of the picture; None without denoising.
        unknown_T: True where the token belongs to a wording that may be true of objects without a box.
    """

    canvas: NDArray[np.uint8]
    valid_wh: tuple[float, float]
    tokens: TokenizedPrompt
    boxes_xyxy: NDArray[np.float32]
    answers_GT: Tensor
    noised: NoisedPicture | None = None
    unknown_T: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of examples; shapes as in `GroundingDino.forward`."""

    pictures_B3HW: Tensor
    valid_B2: Tensor
    words: Words
    truths: list[Truth]
    noised: Noised | None = None


def stack(examples: Sequence[Example]) -> Batch:
    """Stack examples: pictures are padded to the largest, on the right and below, and captions to the longest."""
    height, width = (max(one.canvas.shape[axis] for one in examples) for axis in (0, 1))
    canvases = np.zeros((len(examples), height, width, 3), np.uint8)
    for row, one in enumerate(examples):
        canvases[row, : one.canvas.shape[0], : one.canvas.shape[1]] = one.canvas
    valid = [(one.valid_wh[0] / width, one.valid_wh[1] / height) for one in examples]
    words = pad_words([one.tokens for one in examples])
    T = words.ids_BT.shape[1]
    truths = [
        Truth(
            torch.from_numpy(centres_and_sizes(one.boxes_xyxy, width, height)),
            F.pad(one.answers_GT, (0, T - one.answers_GT.shape[1])),
            None if one.unknown_T is None else F.pad(one.unknown_T, (0, T - len(one.unknown_T))),
        )
        for one in examples
    ]
    noised = [one.noised for one in examples if one.noised is not None]
    return Batch(
        normalise(canvases, valid),
        torch.tensor(valid),
        words,
        truths,
        stack_noised(noised, valid, T) if len(noised) == len(examples) else None,
    )


def centres_and_sizes(boxes_xyxy: NDArray[np.float32], width: float, height: float) -> NDArray[np.float32]:
    """(n, 4) px -> cx cy w h in 0..1 of `width` and `height` px."""
    boxes = boxes_xyxy / np.array([width, height, width, height], np.float32)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1).astype(np.float32)
