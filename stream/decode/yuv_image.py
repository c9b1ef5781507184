"""Decoded YUV pictures, on the host or on a GPU, converted to RGB only when needed."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import threading

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from ...model.image import DecodedImage, ImageError, Rgb
from ...model.pictures.orientation import UPRIGHT
from ...model.pictures.tone_mapping import transfer_of
from .rgb_convert import RgbConverter, matrix_of

_PLANES_OF = {"yuv420p": 3, "yuvj420p": 3, "nv12": 2}


def as_decoded(frame: VideoFrame, converter: RgbConverter, orientation: int = UPRIGHT) -> DecodedImage | None:
    """The picture without a copy; None where it is not upright 8-bit YUV 4:2:0, and so has to be converted.

    Args:
        frame: decoded, on the host or on a GPU.
        converter: to RGB, where that is needed.
        orientation: how it is stored, 1 to 8 as in EXIF.
    """
    on_gpu = frame.sw_format is not None
    name = (frame.sw_format or frame.format).name
    matrix = matrix_of(frame)
    odd = frame.width % 2 or frame.height % 2
    if name not in _PLANES_OF or matrix is None or (odd and name == "nv12"):  # PyAV halves down
        return None
    if orientation != UPRIGHT or transfer_of(frame.color_trc) is not None:
        return None
    planes = frame.planes[: _PLANES_OF[name]]
    if any(plane.line_size < 0 for plane in planes):  # upside down
        return None
    return DecodedImage(
        planes=planes,
        shape=(frame.height, frame.width, 3),
        matrix=matrix,
        full_range=name == "yuvj420p" or frame.color_range == ColorRange.JPEG,
        gpu=planes[0].__dlpack_device__()[1] if on_gpu else None,
        to_rgb=_Conversion(frame, converter),
    )


def luma_of(frame: VideoFrame, orientation: int = UPRIGHT) -> NDArray[np.uint8] | None:
    """The brightness of an upright 8-bit YUV 4:2:0 picture on the host, (h, w) without a copy; None of others."""
    if frame.sw_format is not None or frame.format.name not in _PLANES_OF or orientation != UPRIGHT:
        return None
    plane = frame.planes[0]
    if plane.line_size < frame.width:  # upside down
        return None
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


class _Conversion:
    """A frame's RGB, converted once, at the first call."""

    def __init__(self, frame: VideoFrame, converter: RgbConverter) -> None:
        self._frame, self._converter = frame, converter
        self._lock = threading.Lock()
        self._rgb: Rgb | None = None

    def __call__(self) -> Rgb:
        with self._lock:
            if self._rgb is None:
                try:
                    self._rgb = self._converter.convert(self._frame)
                except FFmpegError as error:
                    raise ImageError(f"a picture that was decoded cannot be converted: {error}") from error
            return self._rgb
