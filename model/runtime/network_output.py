"""Network output: each picture's packed results on their way to the host, on it, and unpacked in full."""

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

# Selects what is copied to the host: one row of fp32 numbers per query, or per candidate.
Pack = Callable[[CaptionAnswer], Tensor]


@dataclass(frozen=True, slots=True)
class RawOutput:
    """The network's full output for one picture and one caption. Q queries, T tokens.

    Args:
        boxes_xyxy: (Q, 4) float32, px of the picture.
        scores: (Q, T) float32 in 0..1, each query's score for each token.
        words: the T word pieces.
        phrases: (T,) the index of the prompt's phrase that a token belongs to; -1 for special tokens.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    words: tuple[str, ...]
    phrases: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """One query with its tokenised captions and its picture's input size.

    Args:
        captions: the prompt's captions.
        size: the picture's size in the network's input.
        image_hw: the original picture's size, px.
    """

    prompt: Prompt
    captions: tuple[TokenizedPrompt, ...]
    size: InputSize
    image_hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """The packed results of one picture on the host: one tensor per caption."""

    query: EncodedQuery
    parts: list[Tensor]


class Launched:
    """Launched queries whose results are not on the host yet; any thread may wait for them.

    Args:
        queries: the pictures' queries.
        parts: the packed results of every caption of every picture in turn; one copy brings all to the host.
    """

    def __init__(self, queries: Sequence[EncodedQuery], parts: Sequence[Tensor]) -> None:
        self._queries = queries
        self._shapes = [part.shape for part in parts]
        self._download = Download(torch.cat([part.flatten() for part in parts]) if parts else torch.empty(0))

    def wait(self) -> list[NetworkOutput]:
        """The results, once they are on the host.

        Raises:
            RuntimeError: the device failed.
        """
        flat = self._download.wait()
        parts = iter(flat.split([shape.numel() for shape in self._shapes]))
        shapes = iter(self._shapes)
        return [
            NetworkOutput(query, [next(parts).view(next(shapes)) for _ in query.captions]) for query in self._queries
        ]


def pack_all(answer: CaptionAnswer) -> Tensor:
    """(Q, T + 4): every logit, then the box."""
    return torch.cat([answer.logits_QT, answer.boxes_Q4], -1)


def unpack_all(output: NetworkOutput, tokenizer: Tokenizer) -> list[RawOutput]:
    """Every query with its score for every word, caption by caption, unpacked from `pack_all`'s tensor."""
    outputs: list[RawOutput] = []
    for tokens, part in zip(output.query.captions, output.parts, strict=True):
        phrases_T = np.full(len(tokens.ids_T), -1, np.int64)
        for span_T, phrase in zip(tokens.spans_WT, tokens.phrase_of_W, strict=True):
            phrases_T[np.flatnonzero(span_T.tolist())] = phrase
        boxes: NDArray[np.float32] = image_pixels(part[:, -4:], output.query.size, output.query.image_hw).numpy()
        scores: NDArray[np.float32] = part[:, : len(tokens.ids_T)].sigmoid().numpy()
        outputs.append(RawOutput(boxes, scores, tokenizer.words(tokens), phrases_T))
    return outputs
