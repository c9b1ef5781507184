"""Multi-object tracker: one frame's boxes in, the tracks as they stand out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from operator import itemgetter

from ...model.detections import Detections
from ..options import TrackerKind, TrackerOptions
from ..track import Box, Track, TrackState
from .linker import LinkedDetection, LinkedTrack, Linker
from .own_linker import OwnLinker
from .track_clock import TrackClock

MakeLinker = Callable[[TrackerOptions, TrackClock], Linker]

MAX_TRACKS = 1000  # more than one caption's 900 queries give; beyond it linking takes seconds
_MIN_SIDE_PX = 1.0
_USUAL_STEPS = 1.5  # a track may match again in the next frame, however low the rate
_MOMENT_S = 1e-6
_RANKS: dict[TrackState, int] = {"tentative": 0, "coasting": 1, "matched": 2}


class TrackerError(ImportError):
    """A library that the chosen tracker needs is not installed."""


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
        make_linker: makes the linker; None is the one of the options' kind.

    Raises:
        TrackerError: norfair was chosen and is not installed.
    """

    def __init__(
        self, options: TrackerOptions, uid_prefix: str, *, linked: bool = True, make_linker: MakeLinker | None = None
    ) -> None:
        self.left_out = 0
        self._linked = linked
        self._options = options = options if linked else replace(options, confirm_hits=1)
        self._uid_prefix = uid_prefix
        self._clock = TrackClock()
        self._linker = (make_linker or linker_of(options.kind))(options, self._clock)
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
        now_s = self._clock.now_s
        self._linker.update(
            [LinkedDetection(self._frame, now_s, captured_unix_ns, name, score, box) for name, score, box in found]
        )
        self._end_coasted()
        self._end_surplus()
        return tuple(self._tracks())

    def keep_phrases(self, names: Iterable[str]) -> None:
        """End every track whose phrase is not among `names`: the prompt has changed."""
        self._linker.keep_phrases(set(names))

    def reset(self) -> None:
        """End every track. Their ids are not used again."""
        self._linker.reset()

    def _end_overdue(self) -> None:
        """End tracks without a detection for too long, in seconds."""
        patience_s = max(self._options.coast_s, _USUAL_STEPS * (self._clock.usual_step_s or 0.0)) + _MOMENT_S
        now_s = self._clock.now_s
        self._linker.lose({one.id for one in self._linker.tracks if now_s - one.last.time_s > patience_s})

    def _end_coasted(self) -> None:
        """End tracks that coasted for too long or out of the picture."""
        tracks = self._linker.tracks
        self._linker.end({one.id for one in tracks if _clip(one.box_xyxy, *self._picture) is None})
        self._linker.lose({one.id for one in tracks if one.last.frame != self._frame and not self._may_coast(one.last)})

    def _may_coast(self, last: LinkedDetection) -> bool:
        coast_s = self._options.coast_s
        return coast_s > 0.0 and self._clock.now_s - last.time_s <= coast_s + _MOMENT_S

    def _end_surplus(self) -> None:
        """End the worst tracks beyond `MAX_TRACKS`."""
        tracks = self._linker.tracks
        if (surplus := len(tracks) - MAX_TRACKS) > 0:
            self.left_out += surplus
            ranked = sorted(tracks, key=lambda one: (_RANKS[self._state(one)], one.last.score))
            self._linker.end({one.id for one in ranked[:surplus]})

    def _tracks(self) -> Iterator[Track]:
        for one in self._linker.tracks:
            state = self._state(one)
            if state == "matched" or self._options.publish == "all":
                yield self._track(one, state)

    def _state(self, one: LinkedTrack) -> TrackState:
        if one.is_tentative:
            return "tentative"
        return "matched" if one.last.frame == self._frame else "coasting"

    def _track(self, one: LinkedTrack, state: TrackState) -> Track:
        first, last = one.first, one.last
        box = _clip(one.box_xyxy, *self._picture)
        assert box is not None, "what has left the picture has been ended"
        return Track(
            id=one.id,
            uid=f"{self._uid_prefix}-{one.id}",
            phrase=last.phrase,
            score=last.score,
            box_xyxy=box,
            detected_xyxy=last.box_xyxy if last.frame == self._frame else None,
            state=state,
            first_seen_unix_ns=first.unix_ns,
            last_matched_unix_ns=last.unix_ns,
            age_s=self._clock.now_s - first.time_s,
            misses=self._frame - last.frame,
            velocity_px_s=one.velocity_px_s,
        )


def check_kind(kind: TrackerKind) -> None:
    """Check, without importing it, that what this kind of tracker needs is installed.

    Raises:
        TrackerError: it is not.
    """
    if kind == "norfair" and find_spec("norfair") is None:
        raise TrackerError(
            "norfair is not installed: install it, or set `tracker: {kind: own}`, which does not need it"
        )


def linker_of(kind: TrackerKind) -> MakeLinker:
    """The linker of a kind. Importing norfair takes seconds: a node calls this before its first frame.

    Raises:
        TrackerError: norfair was chosen and is not installed.
    """
    if kind == "own":
        return OwnLinker
    check_kind(kind)
    from .norfair_linker import NorfairLinker

    return NorfairLinker


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
