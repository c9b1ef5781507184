"""norfair as a linker: with a Kalman filter in seconds, link costs and optimal assignment."""

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
from .assignment import assign, same_phrase
from .camera_shift import camera_shift_px
from .grown_iou import centre_and_size
from .kalman import BoxKalman
from .link_costs import GATES, link_costs
from .linker import LinkedDetection
from .track_clock import TrackClock
from .whole_boxes import WholeBoxes

_USUAL_STEPS = 1.5
_HIDDEN_COST = 10.0  # no other cost is as high
_ANY_COST = 1e6  # norfair's threshold: what may not match at all has an infinite cost


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
        self._clock = clock
        self._wholes = WholeBoxes()
        self._norfair = _Norfair(options, clock, self._wholes)
        self._first: dict[int, LinkedDetection] = {}

    @property
    def tracks(self) -> Sequence[NorfairTrack]:
        return [NorfairTrack(obj, self._first[_id(obj)]) for obj in self._norfair.tracked_objects]

    def update(self, detections: Sequence[LinkedDetection]) -> None:
        for obj in self._norfair.tracked_objects:  # norfair counts calls, but coasting is judged in seconds
            if not obj.is_initializing:
                obj.hit_counter = obj.hit_counter_max
        self._follow_camera(detections)
        self._norfair.update(
            [Detection(centre_and_size(one.box_xyxy), data=one, label=one.phrase) for one in detections]
        )
        for obj in self._norfair.tracked_objects:
            self._first.setdefault(_id(obj), _last(obj))
            if _last(obj).time_s == self._clock.now_s:
                self._wholes.see(_id(obj), _last(obj))
        self.end([_id(obj) for obj in self._norfair.tracked_objects if not obj.hit_counter_is_positive])

    def _follow_camera(self, detections: Sequence[LinkedDetection]) -> None:
        """Move all tracks by the shift that the confirmed ones have in common; norfair predicts them afterwards."""
        confirmed = [_motion(obj) for obj in self._norfair.tracked_objects if not obj.is_initializing]
        shift = camera_shift_px(
            [centre_and_size(one.box_xyxy) for one in detections],
            [motion.centre_and_size_after(self._clock.step_s) for motion in confirmed],
        )
        for obj in self._norfair.tracked_objects:
            _motion(obj).x[:2, 0] += shift

    def lose(self, ids: Collection[int]) -> None:
        self.end(ids)

    def end(self, ids: Collection[int]) -> None:
        ended = set(ids)
        self._norfair.tracked_objects = [obj for obj in self._norfair.tracked_objects if _id(obj) not in ended]
        alive = {_id(obj) for obj in self._norfair.tracked_objects}
        self._first = {track_id: first for track_id, first in self._first.items() if track_id in alive}
        self._wholes.keep(alive)

    def keep_phrases(self, names: Collection[str]) -> None:
        self.end([_id(obj) for obj in self._norfair.tracked_objects if obj.label not in names])

    def reset(self) -> None:
        self._norfair.tracked_objects = []
        self._first = {}


class _Norfair(NorfairTracker):
    """norfair with grown-box IoU, `BoxKalman` and optimal assignment."""

    def __init__(self, options: TrackerOptions, clock: TrackClock, wholes: WholeBoxes) -> None:
        super().__init__(
            distance_function="iou",  # replaced below: norfair takes no vectorised distance but by name
            distance_threshold=_ANY_COST,
            hit_counter_max=options.confirm_hits + 1,
            initialization_delay=options.confirm_hits - 1,
            filter_factory=_MotionFactory(clock),
            past_detections_length=0,
        )
        self.distance_function = _Cost(options.min_iou, clock, wholes)

    def match_dets_and_objs(
        self, distance_matrix: NDArray[np.float32], distance_threshold: float
    ) -> tuple[list[int], list[int]]:
        """The pairs whose costs have the smallest sum; then those of what was hidden among the rest."""
        rows, columns = assign(distance_matrix, _HIDDEN_COST)
        rest = distance_matrix.copy()
        rest[rows] = np.inf
        rest[:, columns] = np.inf
        hidden_rows, hidden_columns = assign(rest, distance_threshold)
        return rows + hidden_rows, columns + hidden_columns


class _MotionFactory(FilterFactory):
    """Creates a `BoxKalman` for each new track."""

    def __init__(self, clock: TrackClock) -> None:
        self._clock = clock

    # norfair's own signature says that it returns None.
    def create_filter(self, initial_detection: NDArray[np.float64]) -> BoxKalman:  # pyright: ignore[reportIncompatibleMethodOverride]
        return BoxKalman(initial_detection, lambda: self._clock.step_s)


class _Cost(Distance):
    """The link costs, and `_HIDDEN_COST` more for what was hidden where it stood; infinite between phrases."""

    def __init__(self, min_iou: float, clock: TrackClock, wholes: WholeBoxes) -> None:
        self._min_iou = min_iou
        self._clock = clock
        self._wholes = wholes

    def get_distances(
        self, objects: Sequence[TrackedObject], candidates: Sequence[Detection | TrackedObject] | None
    ) -> NDArray[np.float32]:
        if not objects or not candidates:
            return np.full((len(candidates or ()), len(objects)), np.inf, np.float32)
        errors_px = np.array([_motion(obj).centre_error_px for obj in objects])
        predicted = np.stack([_motion(obj).centre_and_size for obj in objects])
        detected = np.stack([candidate.points for candidate in candidates if isinstance(candidate, Detection)])
        costs = link_costs(detected, predicted, errors_px, self._min_iou, GATES)
        hidden = [index for index, obj in enumerate(objects) if self._is_hidden(obj)]
        if hidden:
            found = [_detection(candidate) for candidate in candidates if isinstance(candidate, Detection)]
            part = self._wholes.costs(found, [_id(objects[index]) for index in hidden]) + _HIDDEN_COST
            costs[:, hidden] = np.minimum(costs[:, hidden], part)
        same = same_phrase([candidate.label for candidate in candidates], [obj.label for obj in objects])
        return np.where(same, costs, np.inf).astype(np.float32)

    def _is_hidden(self, obj: TrackedObject) -> bool:
        unseen_s = self._clock.now_s - _last(obj).time_s
        return not obj.is_initializing and unseen_s > _USUAL_STEPS * self._clock.step_s


def _motion(obj: TrackedObject) -> BoxKalman:
    motion = obj.filter
    assert isinstance(motion, BoxKalman)
    return motion


def _last(obj: TrackedObject) -> LinkedDetection:
    return _detection(obj.last_detection)


def _detection(of_norfair: Detection) -> LinkedDetection:
    detection = of_norfair.data
    assert isinstance(detection, LinkedDetection)
    return detection


def _id(obj: TrackedObject) -> int:
    """norfair numbers tracks from their first detection here, so tentative ones have a number too."""
    assert obj.initializing_id is not None
    return obj.initializing_id
