"""The linker without norfair: two-stage association in seconds, with lost tracks that may come back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..options import TrackerOptions
from ..track import Box
from .assignment import assign, same_phrase
from .camera_shift import camera_shift_px
from .grown_iou import centre_and_size
from .kalman import NOISE, BoxKalman, KalmanNoise
from .link_costs import GATES, LinkGates, link_costs
from .linker import LinkedDetection
from .track_clock import TrackClock
from .whole_boxes import WholeBoxes

_USUAL_STEPS = 1.5
_NEW_SCORE = 0.05  # its share of the moving average


@dataclass(frozen=True, slots=True)
class LinkerConstants:
    """What the association goes by, the same for all cameras and objects.

    Args:
        weak_share: a detection below this share of its phrase's usual score is weak: it continues confirmed tracks.
        born_share: a detection below this share starts no track.
        weak_min_iou: the overlap that a weak detection needs.
        tentative_min_iou: the overlap that continues a tentative track.
        tentative_s: a tentative track ends after so long without a detection, and not before one missed frame.
        lost_s: for how long a lost track may come back, after it may not coast any more.
        lost_min_iou: the overlap with its predicted place that brings it back.
        gates: of the costs.
        noise: of the Kalman filter.
    """

    weak_share: float = 0.6
    born_share: float = 0.8
    weak_min_iou: float = 0.4
    tentative_min_iou: float = 0.2
    tentative_s: float = 0.1
    lost_s: float = 2.0
    lost_min_iou: float = 0.3
    gates: LinkGates = GATES
    noise: KalmanNoise = NOISE


CONSTANTS = LinkerConstants()


@dataclass(slots=True)
class OwnTrack:
    """A track of the own linker."""

    id: int
    first: LinkedDetection
    last: LinkedDetection
    motion: BoxKalman
    hits: int
    is_tentative: bool

    @property
    def box_xyxy(self) -> Box:
        cx, cy, width, height = self.motion.x[:4, 0].tolist()
        return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2

    @property
    def velocity_px_s(self) -> tuple[float, float]:
        return float(self.motion.x[4, 0]), float(self.motion.x[5, 0])


class OwnLinker:
    """Links boxes in four stages, each by optimal assignment of what the one before has left.

    Strong detections to confirmed tracks; weak ones to confirmed tracks (as in ByteTrack, arXiv:2110.06864); strong
    ones to tentative tracks; strong ones to lost tracks. What is left of the strong ones starts tentative tracks.
    """

    def __init__(self, options: TrackerOptions, clock: TrackClock, constants: LinkerConstants = CONSTANTS) -> None:
        self._options = options
        self._clock = clock
        self._constants = constants
        self._alive: list[OwnTrack] = []
        self._lost: list[OwnTrack] = []
        self._wholes = WholeBoxes()
        self._next_id = 1
        self._usual_scores: dict[str, float] = {}

    @property
    def tracks(self) -> Sequence[OwnTrack]:
        return self._alive

    def update(self, detections: Sequence[LinkedDetection]) -> None:
        self._forget_lost()
        for track in (*self._alive, *self._lost):
            track.motion.predict()
        self._follow_camera(detections)
        weak = [one for one in detections if self._is_below(self._constants.weak_share, one)]
        strong = [one for one in detections if not self._is_below(self._constants.weak_share, one)]
        confirmed = [track for track in self._alive if not track.is_tentative]
        tentative = [track for track in self._alive if track.is_tentative]
        constants, min_iou = self._constants, self._options.min_iou
        strong, confirmed = self._match(strong, confirmed, min_iou)
        self._match(weak, confirmed, max(min_iou, constants.weak_min_iou))
        strong, tentative = self._match(strong, tentative, max(min_iou, constants.tentative_min_iou))
        strong = self._revive(strong)
        strong = self._match_hidden(strong)
        self._end_missed(tentative)
        self._learn_scores()
        self._wholes.keep({track.id for track in self._alive})
        for one in strong:
            if not self._is_below(self._constants.born_share, one):
                self._start(one)

    def lose(self, ids: Collection[int]) -> None:
        lost = set(ids)
        self._lost += [track for track in self._alive if track.id in lost and not track.is_tentative]
        self._alive = [track for track in self._alive if track.id not in lost]

    def end(self, ids: Collection[int]) -> None:
        ended = set(ids)
        self._alive = [track for track in self._alive if track.id not in ended]

    def keep_phrases(self, names: Collection[str]) -> None:
        self._alive = [track for track in self._alive if track.last.phrase in names]
        self._lost = [track for track in self._lost if track.last.phrase in names]

    def reset(self) -> None:
        self._alive, self._lost = [], []

    def _match(
        self, detections: list[LinkedDetection], tracks: list[OwnTrack], min_iou: float
    ) -> tuple[list[LinkedDetection], list[OwnTrack]]:
        """Continue tracks by detections; what is left of both."""
        if not detections or not tracks:
            return detections, tracks
        costs = link_costs(*_arrays(detections, tracks), min_iou, self._constants.gates)
        rows, columns = assign(_of_one_phrase(costs, detections, tracks), np.inf)
        return self._continue_all(detections, tracks, rows, columns)

    def _match_hidden(self, strong: list[LinkedDetection]) -> list[LinkedDetection]:
        """Continue tracks that were hidden where they stood; what is left of the detections."""
        now_s, passed_s = self._clock.now_s, _USUAL_STEPS * self._clock.step_s
        hidden = [one for one in self._alive if not one.is_tentative and now_s - one.last.time_s > passed_s]
        if not strong or not hidden:
            return strong
        costs = self._wholes.costs(strong, [track.id for track in hidden])
        rows, columns = assign(_of_one_phrase(costs, strong, hidden), np.inf)
        return self._continue_all(strong, hidden, rows, columns)[0]

    def _continue_all(
        self, detections: list[LinkedDetection], tracks: list[OwnTrack], rows: list[int], columns: list[int]
    ) -> tuple[list[LinkedDetection], list[OwnTrack]]:
        """Continue the tracks of these columns by the detections of these rows; what is left of both."""
        for row, column in zip(rows, columns, strict=True):
            self._continue(tracks[column], detections[row])
        used, matched = set(rows), set(columns)
        return (
            [one for row, one in enumerate(detections) if row not in used],
            [track for column, track in enumerate(tracks) if column not in matched],
        )

    def _continue(self, track: OwnTrack, detection: LinkedDetection) -> None:
        track.motion.update(centre_and_size(detection.box_xyxy).reshape(4, 1))
        track.last = detection
        self._wholes.see(track.id, detection)
        track.hits += 1
        if track.hits >= self._options.confirm_hits:
            track.is_tentative = False

    def _start(self, detection: LinkedDetection) -> None:
        motion = BoxKalman(centre_and_size(detection.box_xyxy), lambda: self._clock.step_s, self._constants.noise)
        tentative = self._options.confirm_hits > 1
        self._alive.append(OwnTrack(self._next_id, detection, detection, motion, 1, tentative))
        self._wholes.see(self._next_id, detection)
        self._next_id += 1

    def _revive(self, strong: list[LinkedDetection]) -> list[LinkedDetection]:
        """Give lost tracks their ids back; what is left of the detections."""
        left, _ = self._match(strong, self._lost, max(self._options.min_iou, self._constants.lost_min_iou))
        now_s = self._clock.now_s
        self._alive += [track for track in self._lost if track.last.time_s == now_s]
        self._alive.sort(key=lambda track: track.id)
        self._lost = [track for track in self._lost if track.last.time_s != now_s]
        return left

    def _forget_lost(self) -> None:
        now_s = self._clock.now_s
        allowed_s = self._options.coast_s + self._constants.lost_s
        self._lost = [track for track in self._lost if now_s - track.last.time_s <= allowed_s]

    def _end_missed(self, tentative: Sequence[OwnTrack]) -> None:
        allowed_s = max(self._constants.tentative_s, _USUAL_STEPS * (self._clock.usual_step_s or 0.0))
        now_s = self._clock.now_s
        self.end([track.id for track in tentative if now_s - track.last.time_s > allowed_s])

    def _is_below(self, share: float, detection: LinkedDetection) -> bool:
        return detection.score < share * self._usual_scores.get(detection.phrase, 0.0)

    def _learn_scores(self) -> None:
        """The usual score of each phrase: a moving average over the detections of confirmed tracks."""
        for track in self._alive:
            one = track.last
            if one.time_s == self._clock.now_s and not track.is_tentative:
                usual = self._usual_scores.get(one.phrase, one.score)
                self._usual_scores[one.phrase] = usual + _NEW_SCORE * (one.score - usual)

    def _follow_camera(self, detections: Sequence[LinkedDetection]) -> None:
        """Move all tracks on by the shift that the confirmed ones have in common."""
        confirmed = [track for track in self._alive if not track.is_tentative]
        shift = camera_shift_px(
            [centre_and_size(one.box_xyxy) for one in detections], [track.motion.centre_and_size for track in confirmed]
        )
        for track in (*self._alive, *self._lost):
            track.motion.x[:2, 0] += shift


def _arrays(
    detections: Sequence[LinkedDetection], tracks: Sequence[OwnTrack]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Detected boxes, predicted boxes, and the standard deviations of the predicted centres, as costs take them."""
    return (
        np.stack([centre_and_size(one.box_xyxy) for one in detections]),
        np.stack([track.motion.centre_and_size for track in tracks]),
        np.array([track.motion.centre_error_px for track in tracks]),
    )


def _of_one_phrase(
    costs: NDArray[np.float64], detections: Sequence[LinkedDetection], tracks: Sequence[OwnTrack]
) -> NDArray[np.float64]:
    same = same_phrase([one.phrase for one in detections], [track.last.phrase for track in tracks])
    return np.where(same, costs, np.inf)
