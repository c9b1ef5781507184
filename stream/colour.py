"""Turns what a decoder gives (YUV, grey, any depth, any turn) into upright RGB arrays."""

from __future__ import annotations

import threading

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter

from ..model.image import Matrix, Rgb

_UNSPECIFIED = 2  # of FFmpeg's AVCOL_SPC_...
_MATRICES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601"}
_HD_HEIGHT_PX = 720


class RgbConverter:
    """Keeps FFmpeg's conversion tables between pictures of one source."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def convert(self, frame: VideoFrame) -> Rgb:
        """The picture as (height, width, 3) uint8 RGB, turned as its file says (but never mirrored back), without
        a copy where it need not turn.

        The stream's own matrix and range are used; a stream that names no matrix gets BT.709 from 720 lines on and
        BT.601 below, as players do.
        """
        with self._lock:
            rgb = self._reformatter.reformat(
                frame,
                format="rgb24",
                src_colorspace=Colorspace.ITU709 if matrix_of(frame) == "bt709" else None,
                threads=1,  # the model needs the other cores more
            )
        plane = rgb.planes[0]  # its rows may be padded; PyAV's to_ndarray would copy those
        image: Rgb = np.ndarray(
            (rgb.height, rgb.width, 3), np.uint8, memoryview(plane), strides=(plane.line_size, 3, 1)
        )
        quarter_turns = round(frame.rotation / 90) % 4  # counterclockwise, as numpy turns
        return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image


def matrix_of(frame: VideoFrame) -> Matrix | None:
    """How a picture's colours were made of RGB; None for what is rare."""
    if frame.colorspace == _UNSPECIFIED:
        return "bt709" if frame.height >= _HD_HEIGHT_PX else "bt601"
    return _MATRICES.get(frame.colorspace)
