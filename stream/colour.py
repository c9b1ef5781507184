"""Turns what a decoder gives (YUV, grey, any depth, any turn) into upright RGB arrays."""

from __future__ import annotations

import threading

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from ..model.image import Matrix, Rgb
from ..model.orientation import UPRIGHT, turn_upright
from ..model.pixel_kinds import over_white

_UNSPECIFIED = 2  # of FFmpeg's AVCOL_SPC_...
_MATRICES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601"}
_HD_HEIGHT_PX = 720


class RgbConverter:
    """Keeps FFmpeg's conversion tables between pictures of one source."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def convert(self, frame: VideoFrame, orientation: int = UPRIGHT) -> Rgb:
        """The picture as (height, width, 3) uint8 RGB, without a copy where it stands upright and hides nothing.

        The stream's own matrix and range are used; a stream that names no matrix gets BT.709 from 720 lines on and
        BT.601 below, as players do. Transparent pixels show white.

        Args:
            frame: as decoded.
            orientation: how it is stored, 1 to 8 as in EXIF.
        """
        has_alpha = any(component.is_alpha for component in frame.format.components) or frame.format.has_palette
        with self._lock:
            rgb = self._reformatter.reformat(
                frame,
                format="rgba" if has_alpha else "rgb24",
                src_colorspace=Colorspace.ITU709 if matrix_of(frame) == "bt709" else None,
                threads=1,  # the model needs the other cores more
            )
        plane = rgb.planes[0]  # its rows may be padded; PyAV's to_ndarray would copy those
        channels = 4 if has_alpha else 3
        image: Rgb = np.ndarray(
            (rgb.height, rgb.width, channels), np.uint8, memoryview(plane), strides=(plane.line_size, channels, 1)
        )
        return turn_upright(over_white(image) if has_alpha else image, orientation)


def matrix_of(frame: VideoFrame) -> Matrix | None:
    """How a picture's colours were made of RGB; None for what is rare."""
    if frame.colorspace == _UNSPECIFIED:
        return "bt709" if frame.height >= _HD_HEIGHT_PX else "bt601"
    return _MATRICES.get(frame.colorspace)
