"""Opening a source with FFmpeg, with the options that its kind needs."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import time

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from ..options import SourceOptions
from ..source_url import SourceError, SourceKind, filter_of, full_url, path_of
from .decoder_limits import FFMPEG_OPTIONS, LIMITED, limit_allocations
from .ffmpeg_errors import explain_opening
from .gpu_decoding import gpu_decoder
from .redirects import check_redirect, with_own_user
from .rtsp_relay import RtspRelay
from .web_container import open_web

_HIGHEST_RATE_HZ = 1000.0
_MAX_REDIRECTS = 5

# A camera is asked for its video alone, and opening waits for the first packet only: probing for more (above
# all the rate) would cost half a second after each lost connection. What is read while opening is kept: with
# "nobuffer" the first key frame is thrown away, and the first picture comes a whole interval of key frames later.
_RTSP_OPTIONS = {
    "allowed_media_types": "video",
    "fpsprobesize": "0",
    "probesize": "32",
    "protocol_whitelist": "rtp,srtp,udp,tcp,tls",
}

# A % in a name is a %. A playlist or a description in a file leads to other files at most.
_FILE_OPTIONS = {"pattern_type": "none", "protocol_whitelist": "file,crypto,data"}


def open_container(
    options: SourceOptions, kind: SourceKind, gpu: int | None = None, relay_port: int = 0
) -> InputContainer:
    """Open a source with the options that its kind needs; `gpu` as in `gpu_decoder`, `relay_port` as in `RtspRelay`.

    Raises:
        SourceError: it cannot be opened, or not be decoded where its options say. Network sources say so within twice
            the time limit for opening.
    """
    decoder = gpu_decoder(options, gpu)
    if kind in LIMITED:
        limit_allocations()
    began_s = time.monotonic()
    try:
        if kind == "http":
            return open_web(options, decoder)
        if kind == "rtsp":
            return _open_rtsp(options, decoder, relay_port)
        return _open(options, kind, decoder)
    except (FFmpegError, OSError) as error:  # whose text holds the URL with the password
        if isinstance(error, SourceError):
            raise
        raise explain_opening(error, options, kind, time.monotonic() - began_s) from None


def _open(options: SourceOptions, kind: SourceKind, decoder: HWAccel | None) -> InputContainer:
    url, demuxer, ffmpeg_options = full_url(options.url), None, dict[str, str]()
    if kind == "device":
        demuxer = "v4l2"
    elif kind == "lavfi":
        url, demuxer = filter_of(options.url), "lavfi"
    elif kind == "file":
        url, ffmpeg_options = f"file:{path_of(options.url)}", _FILE_OPTIONS
    return av.open(
        url,
        format=demuxer,
        options=ffmpeg_options,
        metadata_errors="replace",  # names and comments are in any encoding, and of no concern here
        hwaccel=decoder,
    )


def _open_rtsp(options: SourceOptions, decoder: HWAccel | None, relay_port: int) -> InputContainer:
    """Through a relay, since FFmpeg alone would follow a redirect to any host, with the password."""
    url = full_url(options.url)
    for _ in range(_MAX_REDIRECTS):
        relay = RtspRelay(url, options, relay_port)
        try:
            return av.open(
                relay.url,
                options={**_RTSP_OPTIONS, **FFMPEG_OPTIONS, "rtsp_transport": options.transport},
                metadata_errors="replace",
                timeout=(options.open_timeout_s, options.read_timeout_s),
                hwaccel=decoder,
            )
        except FFmpegError:
            if relay.redirect is None:
                raise
            check_redirect(options, relay.redirect, ("rtsp", "rtsps"))
            url = with_own_user(options, relay.redirect)
        finally:
            relay.close()
    raise SourceError(f"{options.url} leads from one address to the next without end: name the last of them")


def is_recording(container: InputContainer, kind: SourceKind) -> bool:
    """Whether the source has an end that is known: a file, or one on a web server."""
    if kind != "http":
        return kind == "file"
    if is_still(container.format.name):
        return True
    is_whole_file = container.format.name != "hls" and container.size > 0  # of a playlist it would be the list's size
    return container.duration is not None or is_whole_file


def is_still(container: str) -> bool:
    """Whether FFmpeg's name of a container is that of a single picture: jpeg_pipe, png_pipe."""
    return container.endswith("_pipe")


def rate_of(stream: VideoStream) -> float | None:
    """Pictures per second as the stream states them, None where it states nothing that can be."""
    rate_hz = float(stream.guessed_rate or stream.average_rate or 0)
    return rate_hz if 0.0 < rate_hz <= _HIGHEST_RATE_HZ else None
