# pyright: reportUnknownMemberType=false
"""Decoding on an NVIDIA GPU: whether it can be had, and what FFmpeg is told.

Pictures come back to the host as the decoder has them and go on as any other: the work that the processor is spared is
the decoding.
"""

from __future__ import annotations

import logging
from functools import cache

from av.codec.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import FFmpegError
from av.video.stream import VideoStream

from .options import SourceOptions
from .source_url import SourceError

_log = logging.getLogger(__name__)


def gpu_decoder(options: SourceOptions) -> HWAccel | None:
    """What to open a source with; None is the processor.

    Raises:
        SourceError: a GPU was asked for and cannot be had.
    """
    if options.decode == "cpu":
        return None
    reason = why_no_gpu_decoder()
    if reason is None:
        return HWAccel("cuda")  # sound, and what else comes with the video, are the processor's in any case
    if options.decode == "cuda":
        raise SourceError(f"source {options.name} asks for decode: cuda, but {reason}: write decode: auto or cpu")
    _log_fallback(reason)
    return None


def check_gpu_decodes(stream: VideoStream, options: SourceOptions) -> None:
    """Find out whether what was opened is decoded where it was asked for.

    Raises:
        SourceError: the GPU does not know the codec, and nothing else was allowed.
    """
    if options.decode != "cuda" or stream.codec_context.is_hwaccel:
        return
    codec = stream.codec_context.name
    raise SourceError(f"source {options.name} is coded as {codec}, which no GPU decodes: write decode: auto or cpu")


@cache
def why_no_gpu_decoder() -> str | None:
    """Why no GPU can decode here, or None."""
    if "cuda" not in hwdevices_available():
        return "this PyAV was built without it"
    try:
        HWAccel("cuda").create(Codec("h264", "r"))
    except (FFmpegError, NotImplementedError) as error:
        return f"there is no GPU that decodes ({error})"
    return None


@cache
def _log_fallback(reason: str) -> None:
    _log.info("sources with decode: auto are decoded on the processor: %s", reason)
