"""What the network says of pictures: on its way to the host, there, and with nothing left out."""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...cuda.transfer import Download
from ..dino.tokenizer import TokenizedPrompt, Tokenizer
from ..prompt import Prompt
from .postprocess import CaptionAnswer, image_pixels
from .preprocess import InputSize

# What of an answer is brought to the host: one row of fp32 numbers for each query, or for each candidate.
Pack = Callable[[CaptionAnswer], Tensor]


@dataclass(frozen=True, slots=True)
class RawOutput:
    """All that the network says of one picture and one caption. Q queries, T tokens.

    Args:
        boxes_xyxy: (Q, 4) float32, px of the picture.
        scores: (Q, T) float32 in 0..1, of each query for each token.
        words: the T word pieces.
        phrases: (T,) the index of the prompt's phrase that a token belongs to; -1 for the marks.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    words: tuple[str, ...]
    phrases: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """One picture's prompt as the network read it, and how the picture lies in the network's input.

    Args:
        captions: that the prompt was parted into.
        size: how the picture lies in the network's input.
        image_hw: the original picture, px.
    """

    prompt: Prompt
    captions: tuple[TokenizedPrompt, ...]
    size: InputSize
    image_hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What was packed of the answers about one picture, on the host: a tensor for each caption."""

    asked: EncodedQuery
    parts: list[Tensor]


class Launched:
    """Pictures whose answers are on their way; any thread may wait for them.

    Args:
        asked: the pictures.
        parts: what was packed, caption by caption, picture by picture; brought to the host in one copy.
    """

    def __init__(self, asked: Sequence[EncodedQuery], parts: Sequence[Tensor]) -> None:
        self._asked = asked
        self._shapes = [part.shape for part in parts]
        self._download = Download(torch.cat([part.flatten() for part in parts]) if parts else torch.empty(0))

    def wait(self) -> list[NetworkOutput]:
        """As soon as the answers are there.

        Raises:
            RuntimeError: the device failed.
        """
        flat = self._download.wait()
        parts = iter(flat.split([shape.numel() for shape in self._shapes]))
        shapes = iter(self._shapes)
        return [NetworkOutput(one, [next(parts).view(next(shapes)) for _ in one.captions]) for one in self._asked]


def pack_all(answer: CaptionAnswer) -> Tensor:
    """(Q, T + 4): every logit, then the box."""
    return torch.cat([answer.logits_QT, answer.boxes_Q4], -1)


def unpack_all(seen: NetworkOutput, words: Tokenizer) -> list[RawOutput]:
    """Every query with its score for every word, caption by caption, from what `pack_all` packed."""
    outputs: list[RawOutput] = []
    for tokens, part in zip(seen.asked.captions, seen.parts, strict=True):
        phrases_T = np.full(len(tokens.ids_T), -1, np.int64)
        for span_T, phrase in zip(tokens.spans_WT, tokens.phrase_of_W, strict=True):
            phrases_T[np.flatnonzero(span_T.tolist())] = phrase
        boxes: NDArray[np.float32] = image_pixels(part[:, -4:], seen.asked.size, seen.asked.image_hw).numpy()
        scores: NDArray[np.float32] = part[:, : len(tokens.ids_T)].sigmoid().numpy()
        outputs.append(RawOutput(boxes, scores, words.words(tokens), phrases_T))
    return outputs
