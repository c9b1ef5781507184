# pyright: reportUnknownMemberType=false
"""Batches from labelled pictures: scaled, mirrored, asked for what is there and for what is not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ..input_rule import InputRule
from ..prompt import Phrase, Prompt
from ..tokenizer import MOST_TOKENS, Tokenizer
from .batch import Batch, Example, centres_and_sizes, stack
from .coco_data import read_picture
from .coco_records import CocoError
from .denoising import NoiseOptions, spoil
from .labelled import LabelledData, LabelledPicture
from .workers import Worker

_SIDED = re.compile(r"\b(left|right|leftmost|rightmost)\b")


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """How examples are drawn.

    Args:
        size: pictures a batch, in each worker.
        scales: pictures are so many times as large as the rule says; drawn from this range.
        mirror: half of the pictures, but none that is asked for 'left' or 'right'.
        negatives: at most so many wordings that answer nothing are asked; half of the pictures get all of these,
            the others a number from one to that.
        noise: how true boxes are spoilt; None spoils none.
    """

    size: int = 4
    scales: tuple[float, float] = (0.6, 1.0)
    mirror: bool = True
    negatives: int = 80
    noise: NoiseOptions | None = field(default_factory=NoiseOptions)
    seed: int = 0


class PictureBatches:
    """`batch(number)`: all workers together go through the pictures in a new order each time.

    What becomes of a picture depends on its place in that order alone, so that two workers draw the same examples as
    one with batches twice as large.
    """

    def __init__(
        self,
        data: LabelledData,
        rule: InputRule,
        tokenizer: Tokenizer,
        options: PictureOptions,
        worker: Worker | None = None,
    ) -> None:
        """
        Raises:
            CocoError: there is nothing to ask for in any picture.
        """
        self._rule, self._tokenizer, self._options = rule, tokenizer, options
        self._wordings = data.wordings
        self._pictures = [picture for picture in data.pictures if self._teaches(picture)]
        if not self._pictures:
            raise CocoError(f"annotations {data.path} teach nothing: no picture has anything to ask for")
        self._worker = worker or Worker()
        self._order = lru_cache(maxsize=2)(self._shuffled)
        self._tokens = [len(tokenizer.ids(wording)) + 1 for wording in data.wordings]

    def __call__(self, number: int) -> Batch:
        """
        Raises:
            CocoError: a picture cannot be read.
        """
        first = (number * self._worker.count + self._worker.rank) * self._options.size
        return stack([self._example(place) for place in range(first, first + self._options.size)])

    def _example(self, place: int) -> Example:
        options, count = self._options, len(self._pictures)
        picture = self._pictures[int(self._order(place // count)[place % count])]
        rng = np.random.default_rng([options.seed, place, 1])
        asked = self._ask(picture, rng)
        tokens = self._tokenizer.encode(Prompt(tuple(Phrase(self._wordings[one]) for one in asked)))
        rows = [row for row, own in enumerate(picture.answers) if not set(asked).isdisjoint(own)]
        answers_GT = torch.zeros(len(rows), len(tokens.ids_T), dtype=torch.bool)
        for row, own in enumerate(rows):
            answered = [asked.index(one) for one in picture.answers[own] if one in asked]
            answers_GT[row] = tokens.spans_WT[answered].any(0)
        image, boxes = read_picture(picture), picture.boxes_xyxy[rows]
        sided = any(_SIDED.search(self._wordings[one]) for one in asked)
        if options.mirror and not sided and rng.random() < 0.5:
            image, boxes = np.ascontiguousarray(image[:, ::-1]), _mirrored(boxes, picture.width_px)
        size = self._rule.size(picture.height_px, picture.width_px, float(rng.uniform(*options.scales)))
        height, width = size.picture_hw
        boxes = boxes * np.array([width / picture.width_px, height / picture.height_px] * 2, np.float32)
        noised = None
        if options.noise is not None:
            noised = spoil(centres_and_sizes(boxes, width, height), answers_GT, tokens.spans_WT, options.noise, rng)
        return Example(self._rule.resize(image, size), (width, height), tokens, boxes, answers_GT, noised)

    def _known(self, picture: LabelledPicture) -> tuple[list[int], list[int]]:
        """Rows of wordings: what is there, each object with a box, and what is not."""
        here = {one for own in picture.answers for one in own}
        known = range(len(self._wordings)) if picture.absent is None else picture.absent
        return sorted(here - picture.never_asked), sorted(set(known) - here - picture.never_asked)

    def _teaches(self, picture: LabelledPicture) -> bool:
        """Whether there is anything to ask."""
        here, absent = self._known(picture)
        return bool(here) or (bool(absent) and self._options.negatives > 0)

    def _shuffled(self, round_: int) -> NDArray[np.int64]:
        return np.random.default_rng([self._options.seed, round_]).permutation(len(self._pictures))

    def _ask(self, picture: LabelledPicture, rng: np.random.Generator) -> list[int]:
        """Rows of wordings: what is there, and some of what is not; as many as the text encoder can read at once."""
        here, absent = self._known(picture)
        most = min(self._options.negatives, len(absent))
        count = most if rng.random() < 0.5 else int(rng.integers(min(1, most), most + 1))
        wanted = [*rng.permutation(np.array(here, int)), *rng.permutation(np.array(absent, int))[:count]]
        room, asked = MOST_TOKENS - 2, list[int]()
        for one in map(int, wanted):
            if self._tokens[one] <= room:
                room -= self._tokens[one]
                asked.append(one)
        return [asked[int(row)] for row in rng.permutation(len(asked))]


def _mirrored(boxes_xyxy: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    return np.stack([width - boxes_xyxy[:, 2], boxes_xyxy[:, 1], width - boxes_xyxy[:, 0], boxes_xyxy[:, 3]], 1)
