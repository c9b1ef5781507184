"""Multi-object tracker: norfair with a Kalman filter in seconds, grown-box IoU and optimal assignment."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
from norfair.distances import Distance
from norfair.filter import FilterFactory
from norfair.tracker import Detection, TrackedObject
from norfair.tracker import Tracker as NorfairTracker
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ...model.detections import Detections
from ..options import TrackerOptions
from ..track import Box, Track, TrackState
from .kalman import BoxKalman
from .track_clock import TrackClock

MAX_TRACKS = 1000  # more than one caption's 900 queries give; beyond it linking takes seconds
_MIN_SIDE_PX = 1.0
_USUAL_STEPS = 1.5  # a track may match again in the next frame, however low the rate
_MOMENT_S = 1e-6
_NEVER_MATCH = 1e6
_RANKS: dict[TrackState, int] = {"tentative": 0, "coasting": 1, "matched": 2}


@dataclass(frozen=True, slots=True)
class _TrackedDetection:
    """One detection, as its track remembers it."""

    frame: int
    time_s: float
    unix_ns: int | None
    score: float
    box_xyxy: Box


class Tracker:
    """The tracks of one source.

    Of more than `MAX_TRACKS` detections or tracks the best are kept: detections by their score, and tracks those that
    were matched before those that coast before tentative ones.

    Attributes:
        left_out: how many detections and tracks of the last frame were beyond that.

    Args:
        options: how boxes are linked.
        uid_prefix: makes each track's uid unique: the node, the source and when the node started.
        linked: false where frames are unrelated pictures: then each box is a track of its own, matched at once.
    """

    def __init__(self, options: TrackerOptions, uid_prefix: str, *, linked: bool = True) -> None:
        self.left_out = 0
        self._linked = linked
        self._options = options = options if linked else replace(options, confirm_hits=1)
        self._uid_prefix = uid_prefix
        self._clock = TrackClock()
        self._linker = _Linker(options, self._clock)
        self._first: dict[int, _TrackedDetection] = {}
        self._frame = 0
        self._picture = (0, 0)

    def update(
        self, detections: Detections, time_s: float, captured_unix_ns: int | None, width: int, height: int
    ) -> tuple[Track, ...]:
        """Link one frame's boxes to the tracks.

        Args:
            detections: of this frame. Boxes that are NaN, empty or outside the picture are left out.
            time_s: the frame's time on the source's own clock. Gaps, equal and backward times are fine.
            captured_unix_ns: when the picture was taken, None for files.
            width, height: of the picture. When they change, all tracks end.

        Returns:
            The tracks as they stand at this frame, oldest first.
        """
        if not self._linked or self._picture != (width, height):
            self.reset()
            self._picture = (width, height)
        self._frame += 1
        self._clock.advance(time_s)
        self._end_overdue()
        found = list(_clean(detections, width, height))
        self.left_out = max(0, len(found) - MAX_TRACKS)
        if self.left_out:
            found = sorted(found, key=itemgetter(1), reverse=True)[:MAX_TRACKS]
        norfair_detections = [
            Detection(
                _centre_and_size(box),
                data=_TrackedDetection(self._frame, self._clock.now_s, captured_unix_ns, score, box),
                label=name,
            )
            for name, score, box in found
        ]
        self._linker.update(norfair_detections)
        self._end_coasted()
        self._end_surplus()
        return tuple(self._tracks())

    def keep_phrases(self, names: Iterable[str]) -> None:
        """End every track whose phrase is not among `names`: the prompt has changed."""
        kept = set(names)
        self._keep(obj for obj in self._linker.tracked_objects if obj.label in kept)

    def reset(self) -> None:
        """End every track. Their ids are not used again."""
        self._keep(())

    def _end_overdue(self) -> None:
        """End tracks without a detection for too long, in seconds: norfair counts calls."""
        patience_s = max(self._options.coast_s, _USUAL_STEPS * (self._clock.usual_step_s or 0.0)) + _MOMENT_S
        now_s = self._clock.now_s
        self._keep(obj for obj in self._linker.tracked_objects if now_s - _last(obj).time_s <= patience_s)
        for obj in self._linker.tracked_objects:
            if not obj.is_initializing:
                obj.hit_counter = obj.hit_counter_max

    def _end_coasted(self) -> None:
        """End tracks that coasted for too long or out of the picture, and tentative ones that norfair gave up."""
        self._keep(
            obj
            for obj in self._linker.tracked_objects
            if obj.hit_counter_is_positive
            and (_last(obj).frame == self._frame or self._may_coast(_last(obj)))
            and _clip(_box(obj), *self._picture) is not None
        )

    def _may_coast(self, last: _TrackedDetection) -> bool:
        coast_s = self._options.coast_s
        return coast_s > 0.0 and self._clock.now_s - last.time_s <= coast_s + _MOMENT_S

    def _end_surplus(self) -> None:
        """End the worst tracks beyond `MAX_TRACKS`."""
        objects = self._linker.tracked_objects
        if (surplus := len(objects) - MAX_TRACKS) > 0:
            self.left_out += surplus
            ranked = sorted(objects, key=lambda obj: (_RANKS[self._state(obj)], _last(obj).score))
            ended = {_id(obj) for obj in ranked[:surplus]}
            self._keep(obj for obj in objects if _id(obj) not in ended)

    def _keep(self, objects: Iterable[TrackedObject]) -> None:
        self._linker.tracked_objects = list(objects)
        alive = {_id(obj) for obj in self._linker.tracked_objects}
        self._first = {track_id: first for track_id, first in self._first.items() if track_id in alive}

    def _tracks(self) -> Iterator[Track]:
        for obj in self._linker.tracked_objects:
            first = self._first.setdefault(_id(obj), _last(obj))
            state = self._state(obj)
            if state == "matched" or self._options.publish == "all":
                yield self._track(obj, first, state)

    def _state(self, obj: TrackedObject) -> TrackState:
        if obj.is_initializing:
            return "tentative"
        return "matched" if _last(obj).frame == self._frame else "coasting"

    def _track(self, obj: TrackedObject, first: _TrackedDetection, state: TrackState) -> Track:
        last = _last(obj)
        velocity = obj.estimate_velocity[0]
        box = _clip(_box(obj), *self._picture)
        assert box is not None, "what has left the picture has been ended"
        return Track(
            id=_id(obj),
            uid=f"{self._uid_prefix}-{_id(obj)}",
            phrase=str(obj.label),
            score=last.score,
            box_xyxy=box,
            detected_xyxy=last.box_xyxy if last.frame == self._frame else None,
            state=state,
            first_seen_unix_ns=first.unix_ns,
            last_matched_unix_ns=last.unix_ns,
            age_s=self._clock.now_s - first.time_s,
            misses=self._frame - last.frame,
            velocity_px_s=(float(velocity[0]), float(velocity[1])),
        )


class _Linker(NorfairTracker):
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
        costs = np.where(distance_matrix < distance_threshold, distance_matrix, _NEVER_MATCH)
        rows, columns = linear_sum_assignment(costs)
        near = costs[rows, columns] < _NEVER_MATCH
        return rows[near].tolist(), columns[near].tolist()


class _MotionFactory(FilterFactory):
    """Creates a `BoxKalman` for each new track."""

    def __init__(self, clock: TrackClock) -> None:
        self._clock = clock

    # norfair's own signature says that it returns None.
    def create_filter(self, initial_detection: NDArray[np.float64]) -> BoxKalman:  # pyright: ignore[reportIncompatibleMethodOverride]
        return BoxKalman(initial_detection, lambda: self._clock.step_s)


class _Overlap(Distance):
    """1 - IoU of boxes grown by the uncertainty of the track's position; infinite between phrases.

    Grown boxes let small and fast objects match that no longer overlap their predicted boxes
    (an idea from buffered IoU, arXiv:2211.14317).
    """

    def get_distances(
        self, objects: Sequence[TrackedObject], candidates: Sequence[Detection | TrackedObject] | None
    ) -> NDArray[np.float32]:
        if not objects or not candidates:
            return np.full((len(candidates or ()), len(objects)), np.inf, np.float32)
        margins = np.array([_motion(obj).centre_error_px for obj in objects])
        predicted = np.stack([obj.estimate for obj in objects])
        detected = np.stack([candidate.points for candidate in candidates if isinstance(candidate, Detection)])
        distances = 1.0 - _grown_iou(detected, predicted, margins)
        codes = {label: code for code, label in enumerate({obj.label for obj in objects})}
        detected_codes = np.array([codes.get(candidate.label, -1) for candidate in candidates])
        track_codes = np.array([codes[obj.label] for obj in objects])
        return np.where(detected_codes[:, None] == track_codes, distances, np.inf).astype(np.float32)


def _grown_iou(
    detected: NDArray[np.float64], predicted: NDArray[np.float64], margins_px: NDArray[np.float64]
) -> NDArray[np.float64]:
    """IoU of each (cx, cy), (w, h) in `detected` with each in `predicted`, both grown on all sides by its margin."""
    detected_sides = detected[:, None, 1] + 2 * margins_px[:, None]  # (detected, predicted, 2)
    predicted_sides = predicted[None, :, 1] + 2 * margins_px[:, None]
    apart = np.abs(detected[:, None, 0] - predicted[None, :, 0])
    shared_sides = np.minimum(
        (detected_sides + predicted_sides) / 2 - apart, np.minimum(detected_sides, predicted_sides)
    )
    shared = np.prod(np.clip(shared_sides, 0.0, None), axis=2)
    return shared / (np.prod(detected_sides, axis=2) + np.prod(predicted_sides, axis=2) - shared)


def _clean(detections: Detections, width: int, height: int) -> Iterator[tuple[str, float, Box]]:
    """The valid rows: name, score and box, clipped to the picture."""
    rows = (detections.boxes_xyxy.tolist(), detections.scores.tolist(), detections.name_indices.tolist())
    for corners, score, index in zip(*rows, strict=True):
        box = _clip(corners, width, height)
        if box is not None and 0.0 <= score <= 1.0 and 0 <= index < len(detections.names):
            yield detections.names[index], score, box


def _clip(corners: Sequence[float], width: int, height: int) -> Box | None:
    """The part of a box that lies in the picture, or None where there is none (NaN included)."""
    left, right = (min(max(x, 0.0), float(width)) for x in (corners[0], corners[2]))
    top, bottom = (min(max(y, 0.0), float(height)) for y in (corners[1], corners[3]))
    whole = right - left >= _MIN_SIDE_PX and bottom - top >= _MIN_SIDE_PX
    return (left, top, right, bottom) if whole else None


def _centre_and_size(box: Box) -> NDArray[np.float64]:
    left, top, right, bottom = box
    return np.array([[(left + right) / 2, (top + bottom) / 2], [right - left, bottom - top]])


def _box(obj: TrackedObject) -> Box:
    (cx, cy), (width, height) = obj.estimate.tolist()
    return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2


def _motion(obj: TrackedObject) -> BoxKalman:
    motion = obj.filter
    assert isinstance(motion, BoxKalman)
    return motion


def _last(obj: TrackedObject) -> _TrackedDetection:
    sighting = obj.last_detection.data
    assert isinstance(sighting, _TrackedDetection)
    return sighting


def _id(obj: TrackedObject) -> int:
    """norfair numbers tracks from their first detection here, so tentative ones have a number too."""
    assert obj.initializing_id is not None
    return obj.initializing_id
