"""Whole boxes: where objects stood before they were hidden, so that they are known when a part shows again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..track import Box
from .linker import LinkedDetection

_WHOLE = 0.85  # a box of this share of the last whole one's area is whole again
_MAX_PART = 0.9  # a larger share of the whole box is no part of it
_MIN_INSIDE = 0.8  # of a part's area
_PART_INSIDE = 0.92  # a box that lies inside the whole one so far is what is left of it
_REMEMBERED_S = 5.0


@dataclass(frozen=True, slots=True)
class _Whole:
    box_xyxy: Box
    time_s: float


class WholeBoxes:
    """The last whole box of each track."""

    def __init__(self) -> None:
        self._wholes: dict[int, _Whole] = {}

    def see(self, track_id: int, detection: LinkedDetection) -> None:
        """Take in a track's detection: it is whole, unless it is smaller than the last whole one or lies inside it."""
        whole, box = self._wholes.get(track_id), detection.box_xyxy
        if whole is None or detection.time_s - whole.time_s > _REMEMBERED_S or _is_whole(box, whole.box_xyxy):
            self._wholes[track_id] = _Whole(box, detection.time_s)

    def keep(self, track_ids: Collection[int]) -> None:
        """Forget all other tracks."""
        self._wholes = {track_id: whole for track_id, whole in self._wholes.items() if track_id in track_ids}

    def costs(self, detections: Sequence[LinkedDetection], track_ids: Sequence[int]) -> NDArray[np.float64]:
        """(detections, tracks) the share that lies outside the whole box; infinite for what is no part of it."""
        costs = np.full((len(detections), len(track_ids)), np.inf)
        if not detections:
            return costs
        boxes = np.array([one.box_xyxy for one in detections])
        for column, track_id in enumerate(track_ids):
            whole = self._wholes.get(track_id)
            if whole is not None and detections[0].time_s - whole.time_s <= _REMEMBERED_S:
                costs[:, column] = _costs(boxes, np.array(whole.box_xyxy))
        return costs


def _costs(boxes: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shared = np.minimum(boxes[:, 2:], whole[2:]) - np.maximum(boxes[:, :2], whole[:2])
    inside = np.prod(np.clip(shared, 0.0, None), axis=1) / areas
    is_part = (areas <= _MAX_PART * np.prod(whole[2:] - whole[:2])) & (inside >= _MIN_INSIDE)
    return np.where(is_part, 1.0 - inside, np.inf)


def _is_whole(box: Box, whole: Box) -> bool:
    """Whether it is no part of what was whole before: a part is clearly smaller, or lies inside."""
    share = _share(box, whole)
    return share >= 1.0 or (share >= _WHOLE and _inside(box, whole) < _PART_INSIDE)


def _share(box: Box, whole: Box) -> float:
    return _area(box) / _area(whole)


def _inside(box: Box, whole: Box) -> float:
    """The share of a box that lies inside the whole one."""
    width = min(box[2], whole[2]) - max(box[0], whole[0])
    height = min(box[3], whole[3]) - max(box[1], whole[1])
    return max(0.0, width) * max(0.0, height) / _area(box)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
