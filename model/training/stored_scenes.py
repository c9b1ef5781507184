"""Stored scenes: rendered scenes read from shards for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..tabletop.dataset import SceneShard
from ..tabletop.words import COLOURS, KINDS


@dataclass(frozen=True, slots=True)
class StoredScene:
    """One rendered scene. n objects.

    Args:
        picture: (H, W, 3) uint8 RGB.
        pairs: each object's colour and kind.
        boxes_xyxy: (n, 4) float32, px of `picture`, around what is visible.
        visible: (n,) the visible fraction of each object, 0..1.
    """

    picture: NDArray[np.uint8]
    pairs: tuple[tuple[str, str], ...]
    boxes_xyxy: NDArray[np.float32]
    visible: NDArray[np.float32]


class ShardScenes(Sequence[StoredScene]):
    """The scenes of several shards in sequence; pictures are read from disk on access."""

    def __init__(self, shards: Sequence[SceneShard]) -> None:
        self._pictures = [shard.images() for shard in shards]
        self._objects: list[list[NDArray[np.void]]] = []
        for shard in shards:
            rows = shard.objects()
            bounds = np.searchsorted(rows["scene"], np.arange(1, shard.count))
            self._objects.append(np.split(rows, bounds))
        self._starts = np.cumsum([0, *(shard.count for shard in shards)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> StoredScene:  # pyright: ignore[reportIncompatibleMethodOverride]
        shard = int(np.searchsorted(self._starts, index, "right")) - 1
        row = index - int(self._starts[shard])
        rows = self._objects[shard][row]
        pairs = tuple((COLOURS[int(one["colour"])], KINDS[int(one["kind"])]) for one in rows)
        return StoredScene(self._pictures[shard][row], pairs, rows["box_xyxy"].copy(), rows["visible"].copy())
