"""Display matrix: the rotation and mirroring that a video, or a JPEG in it, states for its pictures."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
import struct

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ...model.pictures.jpeg_file import exif_orientation
from ...model.pictures.orientation import UPRIGHT, orientation_of_matrix


class FrameOrientation:
    """Reads the orientation of one source's pictures.

    The matrix is read with the first picture and again where its angle changes, not each time: reading it in PyAV
    makes a reference cycle, which keeps the picture's memory until the garbage collector runs.
    """

    def __init__(self) -> None:
        self._angle: int | None = None
        self._orientation = UPRIGHT

    def of(self, frame: VideoFrame, packet: Packet[VideoStream] | None) -> int:
        """The picture's orientation, 1 to 8 as in EXIF.

        Args:
            frame: as decoded.
            packet: what it was decoded from; a JPEG's EXIF is read off it, since PyAV does not show a decoder's.
        """
        if packet is not None and packet.stream.codec_context.name.startswith("mjpeg"):
            exif = exif_orientation(memoryview(packet))
            if exif != UPRIGHT:
                return exif
        if frame.rotation != self._angle:
            self._angle = frame.rotation
            self._orientation = _orientation_of(frame)
        return self._orientation


def _orientation_of(frame: VideoFrame) -> int:
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # beside it lies something that PyAV has no name for
        angle = math.radians(frame.rotation)  # counterclockwise, where y points down
        return orientation_of_matrix(math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle))
    if matrix is None:
        return UPRIGHT
    x_of_x, y_of_x, _, x_of_y, y_of_y = struct.unpack_from("=5i", bytes(matrix))
    return orientation_of_matrix(x_of_x, y_of_x, x_of_y, y_of_y)
