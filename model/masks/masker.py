"""Maskers: what makes masks of boxes in a picture, and of tracks in the frames of a stream."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..image import Image
from .mask import Mask


class Masker(Protocol):
    """Finds the object in each box of a picture. One thread at a time may use it."""

    @property
    def name(self) -> str:
        """The masker's name in messages."""
        ...

    def masks(self, image: Image, boxes_xyxy: NDArray[np.float32]) -> Sequence[Mask | None]:
        """One mask a box, in order; None where there is none. Boxes are (n, 4), px of the image."""
        ...


class TrackMasker(Protocol):
    """Finds the masks of tracks in the frames of some streams, with or without a memory. One thread may use it."""

    @property
    def name(self) -> str:
        """The masker's name in messages."""
        ...

    def find(
        self, stream: tuple[str, int], image: Image, boxes: Mapping[int, tuple[float, float, float, float]]
    ) -> Mapping[int, Mask]:
        """The masks of a frame's tracks by id, from their boxes, px of the image; a track that has none is absent."""
        ...

    def keep(self, streams: Collection[tuple[str, int]]) -> None:
        """Drop what is remembered of all streams but these."""
        ...
