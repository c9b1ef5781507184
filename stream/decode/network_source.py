"""Opening a network source: a stream, or a snapshot camera that is polled."""

from __future__ import annotations

from collections.abc import Callable

from ..options import SourceOptions
from ..source_url import kind_of
from .ffmpeg_open import is_still
from .opened_source import OpenedSource
from .snapshot_camera import SnapshotCamera
from .video import Video


def open_network(
    options: SourceOptions, pause: Callable[[float], bool], gpu: int | None = None, relay_port: int = 0
) -> OpenedSource:
    """Open an rtsp:// or http:// URL; arguments and errors are those of `open_source` and `RtspRelay`."""
    video = Video(options, pause, gpu, relay_port)
    is_snapshot = kind_of(options.url) == "http" and is_still(video.facts.container)
    return SnapshotCamera(video, options, pause, gpu) if is_snapshot else video
