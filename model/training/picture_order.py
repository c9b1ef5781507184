"""Picture order: the sequence of training pictures, shuffled each epoch, with pictures of rare classes repeated."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..datasets.labelled import LabelledData, LabelledPicture


class PictureOrder:
    """`order[place]`: the picture at a position of an endless sequence of epochs. It is deterministic.

    With `balance` above 0 a picture is repeated by LVIS's repeat factor: the square root of `balance` over the part of
    all pictures that show its rarest class, at least 1; the fractional part is drawn at random in each epoch
    (https://arxiv.org/abs/1908.03195, section 4). Of a mixture each source has its share of an epoch, in which the
    first source's pictures come once, or as often as `balance` sets.
    """

    def __init__(self, data: LabelledData, balance: float, seed: int, *, without_objects: bool) -> None:
        """
        Args:
            data: the pictures.
            balance: minimum fraction of the pictures that should show each class; 0 repeats none.
            seed: of the shuffling.
            without_objects: include pictures that have absent classes alone.
        """
        self._seed = seed
        classes = len(data.wordings)
        self._pictures = [one for one in data.pictures if _teaches(one, classes, without_objects=without_objects)]
        self._factors = _shared(_repeat_factors(self._pictures, balance), self._pictures, data.shares)
        self._length = round(float(self._factors.sum()))
        self._round = lru_cache(maxsize=4)(self._drawn)

    def __bool__(self) -> bool:
        return bool(self._pictures)

    def __getitem__(self, place: int) -> LabelledPicture:
        return self._pictures[int(self._round(place // self._length)[place % self._length])]

    def another(self, place: int, rng: np.random.Generator) -> int:
        """A random position of the same epoch."""
        return place // self._length * self._length + int(rng.integers(self._length))

    def _drawn(self, round_: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self._seed, round_])
        if (self._factors == 1).all():
            return rng.permutation(len(self._pictures))
        chosen = np.repeat(
            np.arange(len(self._pictures)), np.floor(self._factors + rng.random(len(self._factors))).astype(int)
        )
        chosen = rng.permutation(chosen)
        return np.resize(chosen, self._length)


def _teaches(picture: LabelledPicture, classes: int, *, without_objects: bool) -> bool:
    """Whether the picture has any class for a prompt."""
    here = {one for own in picture.answers for one in own}
    if here - picture.never_asked:
        return True
    absent = range(classes) if picture.absent is None else picture.absent
    return without_objects and bool(set(absent) - here - picture.never_asked)


def _repeat_factors(pictures: list[LabelledPicture], balance: float) -> NDArray[np.float64]:
    shown = Counter(one for picture in pictures for one in {one for own in picture.answers for one in own})
    factors = np.ones(len(pictures))
    for row, picture in enumerate(pictures if balance > 0 else []):
        rarest = min((shown[one] for own in picture.answers for one in own), default=len(pictures))
        factors[row] = max(1.0, math.sqrt(balance * len(pictures) / rarest))
    return factors


def _shared(
    factors: NDArray[np.float64], pictures: list[LabelledPicture], shares: tuple[float, ...]
) -> NDArray[np.float64]:
    """The factors scaled so that each source of a mixture has its share of their sum."""
    if not shares or not pictures:
        return factors
    sources = np.array([picture.source for picture in pictures])
    sums = [float(factors[sources == source].sum()) for source in range(len(shares))]
    known = [source for source, count in enumerate(sums) if count > 0]  # a source without usable pictures has no share
    length = sums[known[0]] / shares[known[0]]
    scales = np.array([share * length / max(count, 1e-9) for share, count in zip(shares, sums, strict=True)])
    return factors * scales[sources]
