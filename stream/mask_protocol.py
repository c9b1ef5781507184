"""Mask protocol: what the pipeline needs of a masker, so that tests run without a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ..model.image import Image
from ..model.masks.mask import Mask
from .track import Box

MaskStream = tuple[str, int]
"""A source's name and generation. A masker with a memory keeps one for each."""


class StreamMasker(Protocol):
    """Finds the pixels of tracks. One thread uses it."""

    @property
    def name(self) -> str:
        """The masker's name in messages."""
        ...

    def find(self, stream: MaskStream, image: Image, boxes: Mapping[int, Box]) -> Mapping[int, Mask]:
        """The masks of a frame's tracks by id; a track that has none is absent.

        Args:
            boxes: px of the frame, by the track's id, of the tracks that are seen in it. Those that coast are not among
                them: what is lost has no mask.
        """
        ...

    def keep(self, streams: Collection[MaskStream]) -> None:
        """Drop what is remembered of all streams but these."""
        ...
