"""Masks of tracks without a memory: the masker on each track's box, frame by frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ..image import Image
from .mask import Mask
from .masker import Masker

_Box = tuple[float, float, float, float]


class BoxTracks:
    """Finds each track's mask from its box alone; nothing is remembered."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    @property
    def name(self) -> str:
        """The masker's name in messages."""
        return self._masker.name

    def find(self, stream: tuple[str, int], image: Image, boxes: Mapping[int, _Box]) -> dict[int, Mask]:
        """The masks by the tracks' ids; a track whose box holds none is absent."""
        del stream
        found = self._masker.masks(image, np.array(list(boxes.values()), np.float32).reshape(-1, 4))
        return {track: mask for track, mask in zip(boxes, found, strict=True) if mask is not None}

    def keep(self, streams: Collection[tuple[str, int]]) -> None:
        """Nothing to drop."""
