"""Decoder limits for cameras and streams: pixels of a picture, scans of a JPEG, bytes of a packet."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

from av import _core as av_library
from av.packet import Packet
from av.video.stream import VideoStream

from ..source_url import SourceError, SourceKind
from ..wire.jpeg_scans import MAX_SCANS, has_too_many_scans
from ..wire.push_message import MAX_PIXELS, jpeg_size
from ..wire.topics import MessageError

MAX_ALLOCATION = 256 * 2**20
"""Bytes of one packet, or of one plane of a picture."""

LIMITED: frozenset[SourceKind] = frozenset({"rtsp", "http", "device"})
"""Sources whose data is not trusted; files have no limits."""

_HEADER = 2**16  # bytes in which a camera's JPEG states its size

FFMPEG_OPTIONS = {"max_pixels": str(MAX_PIXELS)}


@cache
def limit_allocations() -> None:
    """Let FFmpeg refuse single allocations beyond `MAX_ALLOCATION`, in this process from now on.

    Without it, an HTTP camera that sends an endless part could fill the memory. PyAV does not wrap this function of
    FFmpeg's, but its own library exports it.
    """
    library = ctypes.CDLL(av_library.__file__)
    library.av_max_alloc.argtypes = [ctypes.c_size_t]
    library.av_max_alloc.restype = None
    library.av_max_alloc(MAX_ALLOCATION)


def limit_pixels(stream: VideoStream, where: str) -> None:
    """Refuse pictures of a stream that are larger than a node accepts.

    Raises:
        SourceError: the stream states a larger size.
    """
    _check_pixels(stream.codec_context.width, stream.codec_context.height, where)
    stream.codec_context.options = {**stream.codec_context.options, **FFMPEG_OPTIONS}


def check_work(packet: Packet[VideoStream], where: str) -> None:
    """Refuse a packet that would take very long to decode, since decoding cannot be interrupted.

    Raises:
        SourceError: a JPEG with too many pixels or scans.
    """
    if packet.stream.codec_context.name != "mjpeg":
        return
    with suppress(MessageError):  # cameras leave out parts of a JPEG that FFmpeg knows how to do without
        _check_pixels(*jpeg_size(bytes(memoryview(packet)[:_HEADER])), where)
    if has_too_many_scans(memoryview(packet)):
        raise SourceError(f"{where} sends a JPEG of more than {MAX_SCANS} scans, as no camera does: it is not decoded")


def _check_pixels(width: int, height: int, where: str) -> None:
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{where} sends pictures of {width} x {height} px: at most {MAX_PIXELS // 10**6} megapixels are decoded"
        )
