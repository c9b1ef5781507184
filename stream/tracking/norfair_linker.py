"""norfair as a linker: with a Kalman filter in seconds, grown-box IoU and optimal assignment."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from norfair.distances import Distance
from norfair.filter import FilterFactory
from norfair.tracker import Detection, TrackedObject
from norfair.tracker import Tracker as NorfairTracker
from numpy.typing import NDArray

from ..options import TrackerOptions
from ..track import Box
from .assignment import assign
from .grown_iou import centre_and_size, grown_iou
from .kalman import BoxKalman
from .linker import LinkedDetection
from .track_clock import TrackClock


@dataclass(frozen=True, slots=True)
class NorfairTrack:
    """A track of norfair's."""

    object: TrackedObject
    first: LinkedDetection

    @property
    def id(self) -> int:
        return _id(self.object)

    @property
    def last(self) -> LinkedDetection:
        return _last(self.object)

    @property
    def is_tentative(self) -> bool:
        return bool(self.object.is_initializing)

    @property
    def box_xyxy(self) -> Box:
        (cx, cy), (width, height) = self.object.estimate.tolist()
        return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2

    @property
    def velocity_px_s(self) -> tuple[float, float]:
        velocity = self.object.estimate_velocity[0]
        return float(velocity[0]), float(velocity[1])


class NorfairLinker:
    """Links boxes by norfair. A lost track is forgotten."""

    def __init__(self, options: TrackerOptions, clock: TrackClock) -> None:
        self._norfair = _Norfair(options, clock)
        self._first: dict[int, LinkedDetection] = {}

    @property
    def tracks(self) -> Sequence[NorfairTrack]:
        return [NorfairTrack(obj, self._first[_id(obj)]) for obj in self._norfair.tracked_objects]

    def update(self, detections: Sequence[LinkedDetection]) -> None:
        for obj in self._norfair.tracked_objects:  # norfair counts calls, but coasting is judged in seconds
            if not obj.is_initializing:
                obj.hit_counter = obj.hit_counter_max
        self._norfair.update(
            [Detection(centre_and_size(one.box_xyxy), data=one, label=one.phrase) for one in detections]
        )
        for obj in self._norfair.tracked_objects:
            self._first.setdefault(_id(obj), _last(obj))
        self.end([_id(obj) for obj in self._norfair.tracked_objects if not obj.hit_counter_is_positive])

    def lose(self, ids: Collection[int]) -> None:
        self.end(ids)

    def end(self, ids: Collection[int]) -> None:
        ended = set(ids)
        self._norfair.tracked_objects = [obj for obj in self._norfair.tracked_objects if _id(obj) not in ended]
        alive = {_id(obj) for obj in self._norfair.tracked_objects}
        self._first = {track_id: first for track_id, first in self._first.items() if track_id in alive}

    def keep_phrases(self, names: Collection[str]) -> None:
        self.end([_id(obj) for obj in self._norfair.tracked_objects if obj.label not in names])

    def reset(self) -> None:
        self._norfair.tracked_objects = []
        self._first = {}


class _Norfair(NorfairTracker):
    """norfair with grown-box IoU, `BoxKalman` and optimal assignment."""

    def __init__(self, options: TrackerOptions, clock: TrackClock) -> None:
        super().__init__(
            distance_function="iou",  # replaced below: norfair takes no vectorised distance but by name
            distance_threshold=1.0 - options.min_iou,
            hit_counter_max=options.confirm_hits + 1,
            initialization_delay=options.confirm_hits - 1,
            filter_factory=_MotionFactory(clock),
            past_detections_length=0,
        )
        self.distance_function = _Overlap()

    def match_dets_and_objs(
        self, distance_matrix: NDArray[np.float32], distance_threshold: float
    ) -> tuple[list[int], list[int]]:
        """The pairs nearer than the threshold whose distances have the smallest sum."""
        return assign(distance_matrix, distance_threshold)


class _MotionFactory(FilterFactory):
    """Creates a `BoxKalman` for each new track."""

    def __init__(self, clock: TrackClock) -> None:
        self._clock = clock

    # norfair's own signature says that it returns None.
    def create_filter(self, initial_detection: NDArray[np.float64]) -> BoxKalman:  # pyright: ignore[reportIncompatibleMethodOverride]
        return BoxKalman(initial_detection, lambda: self._clock.step_s)


class _Overlap(Distance):
    """1 - IoU of boxes grown by the uncertainty of the track's position; infinite between phrases."""

    def get_distances(
        self, objects: Sequence[TrackedObject], candidates: Sequence[Detection | TrackedObject] | None
    ) -> NDArray[np.float32]:
        if not objects or not candidates:
            return np.full((len(candidates or ()), len(objects)), np.inf, np.float32)
        margins = np.array([_motion(obj).centre_error_px for obj in objects])
        predicted = np.stack([obj.estimate for obj in objects])
        detected = np.stack([candidate.points for candidate in candidates if isinstance(candidate, Detection)])
        distances = 1.0 - grown_iou(detected, predicted, margins)
        codes = {label: code for code, label in enumerate({obj.label for obj in objects})}
        detected_codes = np.array([codes.get(candidate.label, -1) for candidate in candidates])
        track_codes = np.array([codes[obj.label] for obj in objects])
        return np.where(detected_codes[:, None] == track_codes, distances, np.inf).astype(np.float32)


def _motion(obj: TrackedObject) -> BoxKalman:
    motion = obj.filter
    assert isinstance(motion, BoxKalman)
    return motion


def _last(obj: TrackedObject) -> LinkedDetection:
    detection = obj.last_detection.data
    assert isinstance(detection, LinkedDetection)
    return detection


def _id(obj: TrackedObject) -> int:
    """norfair numbers tracks from their first detection here, so tentative ones have a number too."""
    assert obj.initializing_id is not None
    return obj.initializing_id
