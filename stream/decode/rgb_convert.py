"""RGB conversion: decoded frames (YUV, grey, any depth and orientation) to upright RGB arrays."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from ...model.image import Matrix, Rgb
from ...model.pictures.orientation import UPRIGHT, turn_upright
from ...model.pictures.pixel_kinds import over_white
from ...model.pictures.tone_mapping import tone_map, transfer_of

_UNSPECIFIED = 2  # of FFmpeg's AVCOL_SPC_...
_MATRICES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601"}
_HD_HEIGHT_PX = 720
_CONVERTED_VIA_PLANES = frozenset(  # FFmpeg 8's direct conversion to packed RGB swaps their bytes
    {"rgb565be", "rgb555be", "bgr565be", "bgr555be"}
)


class RgbConverter:
    """Keeps FFmpeg's conversion tables between pictures of one source."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def convert(self, frame: VideoFrame, orientation: int = UPRIGHT) -> Rgb:
        """The picture as (height, width, 3) uint8 RGB, without a copy where it is upright and opaque.

        The stream's own matrix and range are used; a stream that names no matrix gets BT.709 from 720 lines on and
        BT.601 below, as players do. Transparent pixels show white, and HDR is tone-mapped.

        Args:
            frame: as decoded.
            orientation: how it is stored, 1 to 8 as in EXIF.
        """
        hdr = transfer_of(frame.color_trc)
        if hdr is not None:
            return turn_upright(tone_map(self._pixels(frame, "rgb48le", 3, "<u2"), hdr), orientation)
        if any(component.is_alpha for component in frame.format.components) or frame.format.has_palette:
            return turn_upright(over_white(self._pixels(frame, "rgba", 4)), orientation)
        return turn_upright(self._pixels(frame, "rgb24", 3), orientation)

    def _pixels(self, frame: VideoFrame, name: str, channels: int, kind: str = "u1") -> NDArray[Any]:
        """(height, width, channels) in one of FFmpeg's packed formats, without a copy; `kind` as numpy names it."""
        with self._lock:
            if frame.format.name in _CONVERTED_VIA_PLANES:
                frame = frame.reformat(format="gbrp")
            converted = self._reformatter.reformat(
                frame,
                format=name,
                src_colorspace=Colorspace.ITU709 if matrix_of(frame) == "bt709" else None,
                threads=1,  # the model needs the other cores more
            )
        plane = converted.planes[0]  # its rows may be padded; PyAV's to_ndarray would copy those
        shape, value_bytes = (converted.height, converted.width, channels), np.dtype(kind).itemsize
        strides = (plane.line_size, channels * value_bytes, value_bytes)
        return np.ndarray(shape, kind, memoryview(plane), strides=strides)


def matrix_of(frame: VideoFrame) -> Matrix | None:
    """The YUV matrix of a picture; None for rare ones."""
    if frame.colorspace == _UNSPECIFIED:
        return "bt709" if frame.height >= _HD_HEIGHT_PX else "bt601"
    return _MATRICES.get(frame.colorspace)
