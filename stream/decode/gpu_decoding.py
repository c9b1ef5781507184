"""Decoding on an NVIDIA GPU (NVDEC): whether it is available, and how FFmpeg is set up for it.

Pictures stay in the GPU's memory, which FFmpeg shares with PyTorch; one that is needed on the host is copied there.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import ctypes
import logging
from functools import cache

from av.codec.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..options import SourceOptions
from ..source_url import SourceError

_log = logging.getLogger(__name__)

_WAIT_BLOCKING = 4  # CUDA's CU_CTX_SCHED_BLOCKING_SYNC


def gpu_decoder(options: SourceOptions, gpu: int | None = None) -> HWAccel | None:
    """The hardware decoder to open a source with; None decodes on the CPU.

    Args:
        options: the source.
        gpu: the number of the GPU that detects; None is none, and then the first GPU decodes.

    Raises:
        SourceError: the options demand a GPU, and none is available.
    """
    if options.decode == "cpu":
        return None
    reason = why_no_gpu_decoder(gpu or 0)
    if reason is None:
        return _decoder(gpu or 0)
    if options.decode == "cuda":
        raise SourceError(f"source {options.name} asks for decode: cuda, but {reason}: write decode: auto or cpu")
    _log_fallback(reason)
    return None


def check_gpu_decodes(stream: VideoStream, options: SourceOptions) -> None:
    """Check that the opened stream can be decoded where the options demand.

    Raises:
        SourceError: the GPU does not support the codec, and the options demand the GPU.
    """
    if options.decode == "cuda" and not stream.codec_context.is_hwaccel:
        raise _refusal(stream.codec_context.codec.canonical_name, options)


def check_gpu_decoded(frame: VideoFrame, stream: VideoStream, options: SourceOptions) -> None:
    """Check that a picture was decoded where the options demand: a GPU supports only some profiles of a codec.

    Raises:
        SourceError: FFmpeg fell back to the CPU, and the options demand the GPU.
    """
    if options.decode == "cuda" and frame.sw_format is None:
        codec = stream.codec_context
        raise _refusal(
            f"{codec.codec.canonical_name} ({codec.profile or 'no profile named'}, {frame.format.name})", options
        )


@cache
def why_no_gpu_decoder(gpu: int = 0) -> str | None:
    """Why a GPU cannot decode here, or None."""
    if "cuda" not in hwdevices_available():
        return "this PyAV was built without it"
    try:
        _decoder(gpu).create(Codec("h264", "r"))
    except (FFmpegError, NotImplementedError) as error:
        return f"there is no GPU that decodes ({error})"
    return None


def _decoder(gpu: int) -> HWAccel:
    _share_context(gpu)
    return HWAccel("cuda", str(gpu), is_hw_owned=True)  # audio and other streams stay on the CPU


def _share_context(gpu: int) -> None:
    """Set the flags that FFmpeg demands of the GPU's primary context, which PyTorch uses: blocking waits, no spinning.

    FFmpeg refuses a context that is in use with other flags. FFmpeg reports a missing driver.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        set_flags = driver.cuDevicePrimaryCtxSetFlags_v2
    except (OSError, AttributeError):
        return
    device = ctypes.c_int()
    if driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(device), gpu) == 0:
        set_flags(device, _WAIT_BLOCKING)


def _refusal(coded: str, options: SourceOptions) -> SourceError:
    return SourceError(f"source {options.name} is coded as {coded}, which no GPU decodes: write decode: auto or cpu")


@cache
def _log_fallback(reason: str) -> None:
    _log.info("sources with decode: auto are decoded on the processor: %s", reason)
