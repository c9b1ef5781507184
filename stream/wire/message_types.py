"""Message types: detections, statuses and picture headers as dataclasses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..event import Event, PlaceCounts
from ..position import CameraPose
from ..stats import SourceState
from ..track import Track
from ..track_mask import TrackMask

# The same words as frame.Clock, which a light client cannot import because it needs numpy.
ClockName = Literal["rtcp", "driver", "push", "arrival", "file"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """The picture of a message. Unknown values are None, and absent on the wire.

    Args:
        index: counts decoded frames of the source from 0, dropped ones included.
        width, height: px of the original picture.
        clock: the clock that `captured_unix_ns` comes from.
        pts: presentation time in ticks of `time_base`.
        time_base: (numerator, denominator), seconds per tick.
        file: the name of the picture's own file, where the source is a folder.
        frame_id: the camera's coordinate frame.
        captured_unix_ns: when it was taken; None for files.
        captured_sent_unix_ns: the sender's own time, where the node replaced it in `captured_unix_ns`.
        captured_error_ms: how far off `captured_unix_ns` may be.
        age_ms: from capture to publication; None for files.
        pose: where the camera was when the picture was taken, where the source's geometry is set.
        calibration: changes with the camera's calibration; None without geometry.
    """

    index: int
    width: int
    height: int
    clock: ClockName
    pts: int | None = None
    time_base: tuple[int, int] | None = None
    file: str | None = None
    frame_id: str | None = None
    captured_unix_ns: int | None = None
    captured_sent_unix_ns: int | None = None
    captured_error_ms: float | None = None
    age_ms: float | None = None
    pose: CameraPose | None = None
    calibration: str | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model, its precision, and the rule that makes a phrase's score from token scores."""

    name: str
    dtype: str
    score_rule: str


@dataclass(frozen=True, slots=True)
class PromptInfo:
    """The prompt. `version` grows with each change; `hash` is equal when two prompts ask for the same."""

    version: int
    hash: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionMessage:
    """The detections in one frame. A frame without any is a message without tracks.

    Args:
        node, source: the sender, and the source of the frame.
        epoch: the node's start, unix ns: another epoch is a restart.
        generation: grows when a source is added again under the same name.
        seq: counts the messages of a source from 1 within an epoch and a generation: a gap is a loss.
        frame, model, prompt: what was detected in, by and for.
        published_unix_ns, published_monotonic_ns: when it was sent, on the sender's two clocks.
        boot_id: equal to ours when the sender shares our monotonic clock; "" where the system has none.
        stage_ms: how long each stage took, by name.
        dropped: frames of this source skipped since its previous message; dropped_total: since the start.
        stale: the sender considers the picture too old to act on, by its age alone.
        replay: sent again to a late joiner, so it may be old.
        tracks: the boxes, with lasting ids.
        tracks_left_out: detections and tracks beyond the thousand best, which are not among `tracks`.
        picture: the JPEG of this frame, where a subscriber asked for pictures; never part of the map.
        masks: the masks of this frame's tracks by id, where a subscriber asked for masks; None where they did not
            come, and never part of the map. A track without a mask is absent.
    """

    node: str
    source: str
    epoch: int
    generation: int
    seq: int
    frame: FrameInfo
    model: ModelInfo
    prompt: PromptInfo
    tracks: tuple[Track, ...]
    published_unix_ns: int
    published_monotonic_ns: int
    boot_id: str = ""
    stage_ms: Mapping[str, float] = field(default_factory=dict[str, float])
    dropped: int = 0
    dropped_total: int = 0
    stale: bool = False
    replay: bool = False
    tracks_left_out: int = 0
    picture: bytes | None = None
    masks: Mapping[int, TrackMask] | None = None

    def age_ms_now(self) -> float | None:
        """The picture's age now, or None where its capture time is unknown (files).

        On the sender's host it is measured on the monotonic clock, which cannot be set; elsewhere on the wall clock, as
        exactly as the two hosts' clocks agree (it may even be negative).
        """
        if self.frame.captured_unix_ns is None:
            return None
        since = self._monotonic_ms_since_published()
        if since is not None and self.frame.age_ms is not None:
            return self.frame.age_ms + since
        return (time.time_ns() - self.frame.captured_unix_ns) / 1e6

    def ms_since_published(self) -> float:
        """Milliseconds since the message was sent; known for files too."""
        since = self._monotonic_ms_since_published()
        return since if since is not None else (time.time_ns() - self.published_unix_ns) / 1e6

    def _monotonic_ms_since_published(self) -> float | None:
        if not self.boot_id or self.boot_id != read_boot_id():
            return None
        since_ns = time.monotonic_ns() - self.published_monotonic_ns
        return since_ns / 1e6 if since_ns >= 0 else None  # containers may shift their monotonic clock


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """The status of a source. Sent once a second and at each change of state.

    Args:
        node, source, epoch, generation: as in `DetectionMessage`.
        seq: of the last detections sent, 0 before the first: makes a lost tail visible.
        state: what the source is doing; after ended and failed no detections follow.
        published_unix_ns: when it was sent.
        fps_in, fps_out: frames decoded and messages sent per second, over the last seconds.
        frames_decoded, dropped_total, reconnects, corrupt: counts since the start.
        latency_ms: p50, p95, p99 from decoding to publication; empty while unknown.
        prompt_version: of the prompt in force.
        stale_total: messages that were stale when they were sent, since the start.
        still_total, off_schedule_total: frames that were skipped, and so are part of `dropped_total`, because nothing
            moved in them, or at another time than those scheduled.
        since_message_ms: the time since the last detections were sent; None before the first.
        paused: no frame is processed until a client resumes the source.
        counts: of the zones and lines.
        uncertain_since_unix_ns: the counts may be wrong since then, because no picture came for a time; None else.
        error: why the source is not running; warning: a fault to look into; ended: how it ended.
        replay: sent again to a late joiner.
    """

    node: str
    source: str
    epoch: int
    generation: int
    seq: int
    state: SourceState
    published_unix_ns: int
    fps_in: float = 0.0
    fps_out: float = 0.0
    frames_decoded: int = 0
    dropped_total: int = 0
    reconnects: int = 0
    corrupt: int = 0
    latency_ms: Mapping[str, float] = field(default_factory=dict[str, float])
    prompt_version: int = 0
    stale_total: int = 0
    since_message_ms: float | None = None
    still_total: int = 0
    off_schedule_total: int = 0
    paused: bool = False
    counts: tuple[PlaceCounts, ...] = ()
    uncertain_since_unix_ns: int | None = None
    error: str | None = None
    warning: str | None = None
    ended: str | None = None
    replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """One event of a source.

    Args:
        node, source, epoch, generation: as in `DetectionMessage`.
        seq: of the detections that the event follows from; 0 where it follows from none.
        number: counts the events of a source from 1 within an epoch and a generation: a gap is a loss.
        published_unix_ns: when it was sent.
        event: what happened.
        uncertain_since_unix_ns: the counts may be wrong since then; None while they are certain.
        replay: sent again.
    """

    node: str
    source: str
    epoch: int
    generation: int
    seq: int
    number: int
    published_unix_ns: int
    event: Event
    uncertain_since_unix_ns: int | None = None
    replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskMessage:
    """The masks of the tracks in one frame. A frame whose masks were not computed has no such message.

    Args:
        node, source, epoch, generation, seq: of the detections whose tracks these are.
        published_unix_ns: when it was sent.
        masker: the name of the model that made the masks.
        masks: one for each track that has one.
        replay: sent again.
    """

    node: str
    source: str
    epoch: int
    generation: int
    seq: int
    published_unix_ns: int
    masker: str
    masks: tuple[TrackMask, ...]
    replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureHeader:
    """Which message a JPEG belongs to: the one with the same source, epoch, generation and seq."""

    node: str
    source: str
    epoch: int
    generation: int
    seq: int


def read_boot_id() -> str:
    """A text that changes with every start of the machine, or "" where the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
