"""Opening a source by its URL, to read it or to check it at start-up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

from ..decode.gpu_decoding import gpu_decoder
from ..decode.network_source import open_network
from ..decode.opened_source import OpenedSource
from ..decode.video import Video
from ..decoder_process.start import DecoderProcess
from ..geometry.sensors import Sensors
from ..options import SourceOptions
from ..source_url import SourceError, kind_of, path_of
from ..zone import metric_fault
from .picture_folder import PictureFolder, is_picture_file
from .push_source import PushSource, check_push

_CAMERA_NUMBER = re.compile(r"(?:video)?(\d{1,2})")  # OpenCV and FFmpeg users write 0 and video0


def open_source(
    options: SourceOptions,
    pause: Callable[[float], bool],
    gpu: int | None = None,
    decoder: DecoderProcess | None = None,
    sensors: Sensors | None = None,
) -> OpenedSource:
    """Open what `options.url` names.

    Args:
        options: the source.
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        gpu: as in `StreamDetector`.
        decoder: opens network sources where `options` ask for a decoder process.
        sensors: takes poses and depth pictures that a program pushes.

    Raises:
        SourceError: it cannot be opened.
    """
    kind = kind_of(options.url)
    if kind == "push":
        return PushSource(options, pause, sensors)
    if kind == "folder" or (kind == "file" and is_picture_file(options.url)):
        return PictureFolder(options, pause)
    if kind not in ("rtsp", "http"):
        return Video(options, pause, gpu)
    if decoder is not None and _in_process(options):
        return decoder.open(options, pause)
    return open_network(options, pause, gpu)


def check_source(options: SourceOptions) -> None:
    """Check a source at start-up. Files are opened; cameras are not, since they may come later.

    Raises:
        SourceError: what is wrong, where, and what to do, in one sentence.
    """
    frame = None if options.geometry is None else options.geometry.frame
    if (fault := metric_fault((*options.zones, *options.lines), frame)) is not None:
        raise SourceError(f"source {options.name}: {fault}")
    kind = kind_of(options.url)
    _check_sensors(options)
    if kind in ("rtsp", "http", "device"):
        gpu_decoder(options)
        if kind != "device":
            _in_process(options)
        return
    if kind == "push":  # not bound here: a source that is replaced may still hold the address
        check_push(options)
        return
    if kind == "file":
        _check_file(options.url)
    open_source(options, _pause).close()


def _check_sensors(options: SourceOptions) -> None:
    """Check the address on which poses and depth pictures come beside a source's pictures, if it has one."""
    if options.geometry is None or options.geometry.sensors is None:
        return
    if kind_of(options.url) == "push":
        raise SourceError(
            f"source {options.name} has `geometry.sensors`, but its own url takes poses and depth: leave it out"
        )
    check_push(replace(options, url=options.geometry.sensors))


def _in_process(options: SourceOptions) -> bool:
    """Whether a source on the network is decoded in a process of its own."""
    if options.decode_process and options.decode == "cuda":
        raise SourceError(
            f"source {options.name} asks for decode: cuda and decode_process, which no GPU does: leave one of them out"
        )
    return options.decode_process


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
