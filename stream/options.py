"""Options of sources, the tracker, the sockets and the node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..model.prompt import Prompt
from .event import EventKind
from .geometry_options import GeometryOptions
from .source_url import SourceUrl
from .watch_options import MotionOptions, ScheduleOptions
from .zone import LineOptions, ObjectEventKind, ZoneOptions

Pace = Literal["asap", "realtime"]
Decoding = Literal["auto", "cpu", "cuda"]
FolderKind = Literal["pictures", "video"]
Transport = Literal["tcp", "udp"]
TrackerKind = Literal["norfair", "own"]

MAX_SOURCES = 256
MAX_TIMEOUT_S = 300.0  # a stopped reader's thread may live as long, if its camera is silent


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """One camera, stream, file or folder.

    Args:
        name: unique in the node; letters, digits, '_', '.', '-'.
        url: a path, a folder of pictures, rtsp://, http(s)://, /dev/video0, lavfi:testsrc=..., or push:tcp://... where
            a program sends its own pictures. Held as a `SourceUrl`: what is written of it has no secrets.
        pace: files only. 'asap' decodes as fast as results are taken; 'realtime' keeps the file's own time.
        loop: files only. Begin again at the end.
        folder: folders only. 'pictures' are unrelated, so each box is a track of its own; those of
            a 'video' are its frames in order, 25 a second.
        transport: RTSP only. tcp or udp.
        stream: which video stream of a source that has several, as ffprobe counts them; None is FFmpeg's own choice.
        open_timeout_s: how long opening may take.
        read_timeout_s: how long a live source may be silent before it counts as lost.
        frame_id: the camera's coordinate frame, passed on to subscribers.
        camera_latency_ms: known delay between light and the first byte; subtracted from capture times.
        prompt: what to look for in this source alone; None is the node's prompt.
        threshold: the minimum score (0..1) for this source's phrases that name none; None is the model's.
        size_px: the short side of the network's input for this source; None is the model's.
        target_hz: the maximum rate of pictures to detect in; skipped ones count as dropped. A snapshot camera is polled
            at this rate, once a second without it.
        roi_xyxy: the region of interest, px of the original picture; None is all of it.
        key_frames_only: decode key frames only, where a low rate is enough.
        decode: videos only. On the 'cpu'; with 'cuda' on an NVIDIA GPU; 'auto' takes the GPU where there is one.
        decode_process: network sources only. Decode on the CPU in a process of its own, which can do nothing else.
        frozen_after_s: pictures that do not change, or are black, for so long are warned of in the status.
        keys: push: only. The folder of the node's keys: lets programs that are allowed to push send from elsewhere too,
            and no others.
        redirect_hosts: http and rtsp only. Hosts that the camera may send the node to, beside its own; in lower case.
        zones, lines: where objects are counted.
        object_events: which events of an object as such are sent.
        relink_s: for how long an object may be lost before a new track near its place is another object.
        away_s: a longer time without a picture makes counts uncertain.
        static_after_s: a place where one phrase is found for so long, and nothing moves, makes no events; None: all do.
        geometry: the camera and its place, for positions in metres; None gives none.
        motion: detect only while something moves; None always.
        schedule: cameras only. Detect at these times only; None always.
    """

    name: str
    url: str
    pace: Pace = "asap"
    loop: bool = False
    folder: FolderKind = "pictures"
    transport: Transport = "tcp"
    stream: int | None = None
    open_timeout_s: float = 5.0
    read_timeout_s: float = 5.0
    frame_id: str | None = None
    camera_latency_ms: float = 0.0
    prompt: Prompt | None = None
    threshold: float | None = None
    size_px: int | None = None
    target_hz: float | None = None
    roi_xyxy: tuple[int, int, int, int] | None = None
    key_frames_only: bool = False
    decode: Decoding = "cpu"
    decode_process: bool = False
    frozen_after_s: float = 10.0
    keys: Path | None = None
    redirect_hosts: tuple[str, ...] = ()
    zones: tuple[ZoneOptions, ...] = ()
    lines: tuple[LineOptions, ...] = ()
    object_events: tuple[ObjectEventKind, ...] = ()
    relink_s: float = 2.0
    away_s: float = 2.0
    static_after_s: float | None = None
    geometry: GeometryOptions | None = None
    motion: MotionOptions | None = None
    schedule: ScheduleOptions | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", SourceUrl(self.url))


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """How boxes are linked over time.

    Args:
        coast_s: for how long at most a track that is not detected is still sent, its box a guess; 0 is not at all.
        confirm_hits: detections before a tentative track counts.
        min_iou: the overlap below which a detection does not continue a track.
        publish: 'matched' leaves coasting and tentative tracks out of messages; 'all' keeps them.
        kind: 'norfair', or 'own': groundcast's own association, which does not need norfair.
    """

    coast_s: float = 1.0
    confirm_hits: int = 3
    min_iou: float = 0.2
    publish: Literal["matched", "all"] = "all"
    kind: TrackerKind = "norfair"


@dataclass(frozen=True, slots=True)
class PublisherOptions:
    """Where and how messages leave.

    Args:
        address: a ZeroMQ address to bind: tcp://127.0.0.1:5570, ipc:///run/groundcast.sock.
        high_water_mark: messages kept for a slow subscriber before the newest is dropped.
        insecure: allow an address that others can reach, without keys.
        keys: the folder with the node's keys and the clients that it lets in; it guards all sockets of the node.
        wait_for_subscriber_s: hold the first frame until there is a subscriber, this long at most.
        jpeg_quality: of the pictures on img/.
    """

    address: str = "tcp://127.0.0.1:5570"
    high_water_mark: int = 64
    insecure: bool = False
    keys: Path | None = None
    wait_for_subscriber_s: float = 0.0
    jpeg_quality: int = 85


@dataclass(frozen=True, slots=True)
class ControlOptions:
    """Where a node takes requests.

    Args:
        address: a ZeroMQ address to bind: ipc:///run/user/1000/groundcast/NODE.control, tcp://127.0.0.1:5571.
        insecure: allow an address that others can reach, without keys.
        keys: the node's folder of keys; it lets in only clients that may `control`.
    """

    address: str
    insecure: bool = False
    keys: Path | None = None


@dataclass(frozen=True, slots=True)
class EventStoreOptions:
    """Where a node keeps its events and counts.

    Args:
        path: an SQLite file; None keeps none.
        keep_days: for how long events and minute counts are kept.
    """

    path: Path | None = None
    keep_days: float = 90.0


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """Which events get a clip, and how much room clips may take.

    Args:
        folder: where they go.
        before_s, after_s: how long before and after an event a clip lasts. It begins with a key frame, so often
            earlier.
        max_clip_s: a clip of several events is not longer.
        max_mib: of all clips; the oldest are removed.
        max_days: older ones are removed.
        ring_mib: of the undecoded packets that are kept of each source.
        kinds: of events.
    """

    folder: Path
    before_s: float = 5.0
    after_s: float = 5.0
    max_clip_s: float = 120.0
    max_mib: int = 10_000
    max_days: float = 30.0
    ring_mib: int = 64
    kinds: tuple[EventKind, ...] = ("enter", "cross", "dwell", "appear", "moved")


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """A whole node: its name, its sources and how their frames are processed.

    Args:
        events: where events and counts are kept.
        stale_after_ms: a message about an older picture says that it is stale.
        heartbeat_s: how often every source's status is sent.
        batch_wait_ms: how long a frame may wait for frames of other sources, to detect in one batch.
        clips: of events; None for none.
    """

    node: str
    sources: tuple[SourceOptions, ...]
    tracker: TrackerOptions = field(default_factory=TrackerOptions)
    publisher: PublisherOptions = field(default_factory=PublisherOptions)
    events: EventStoreOptions = field(default_factory=EventStoreOptions)
    stale_after_ms: float = 1000.0
    heartbeat_s: float = 1.0
    batch_wait_ms: float = 5.0
    clips: ClipOptions | None = None
