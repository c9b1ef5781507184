"""Opens what a source's URL names: to read it, or at start-up to find out what is wrong with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from .connection import Video
from .container import is_still
from .gpu_decoding import gpu_decoder
from .options import SourceOptions
from .picture import Connection
from .picture_folder import PictureFolder, is_picture_file
from .push_source import PushSource, check_push
from .snapshot_camera import SnapshotCamera
from .source_url import SourceError, kind_of, path_of

_CAMERA_NUMBER = re.compile(r"(?:video)?(\d{1,2})")  # OpenCV and FFmpeg users write 0 and video0


def open_source(options: SourceOptions, pause: Callable[[float], bool], gpu: int | None = None) -> Connection:
    """Open what `options.url` names.

    Args:
        options: the source.
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        gpu: as in `StreamDetector`.

    Raises:
        SourceError: it cannot be opened.
    """
    kind = kind_of(options.url)
    if kind == "push":
        return PushSource(options, pause)
    if kind == "folder" or (kind == "file" and is_picture_file(options.url)):
        return PictureFolder(options, pause)
    video = Video(options, pause, gpu)
    is_snapshot = kind == "http" and is_still(video.facts.container)
    return SnapshotCamera(video, options, pause, gpu) if is_snapshot else video


def check_source(options: SourceOptions) -> None:
    """Find out at once what can be known to be wrong. Files are opened, cameras are not: they may come later.

    Raises:
        SourceError: what is wrong, where, and what to do, in one sentence.
    """
    kind = kind_of(options.url)
    if kind in ("rtsp", "http", "device"):
        gpu_decoder(options)
        return
    if kind == "push":  # not bound to find out: a source that is replaced may still hold the address
        check_push(options)
        return
    if kind == "file":
        _check_file(options.url)
    open_source(options, _pause).close()


def _check_file(url: str) -> None:
    path = path_of(url)
    if not path.exists():
        camera = _CAMERA_NUMBER.fullmatch(url)
        hint = f"did you mean /dev/video{camera[1]}?" if camera else "check the path"
        raise SourceError(f"{url} does not exist: {hint}")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{url} is empty (0 bytes): copy or record it again")


def _pause(seconds: float) -> bool:
    time.sleep(seconds)
    return False
