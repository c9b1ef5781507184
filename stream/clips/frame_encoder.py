"""Frame encoder: makes packets of frames whose source has none that can be copied, in a thread of its own."""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import logging
import threading
from collections import deque
from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from ...model.image import ImageError
from ..frame import Frame
from .packet_ring import PacketRing

_LOG = logging.getLogger(__name__)
_MAX_WAITING = 2
_TICKS_HZ = 90_000
_KEY_EVERY_S = 1.0
_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26", "forced-idr": "1", "threads": "1"}


class FrameEncoder:
    """Encodes frames in H.264 into a ring. At most two frames wait: of more the oldest is left out.

    Packets are timed by the frames' own clock (`Frame.time_s`).

    Attributes:
        left_out: frames that were not encoded.

    Args:
        ring: takes the packets.
        source: the source's name.
    """

    def __init__(self, ring: PacketRing, source: str) -> None:
        self.left_out = 0
        self._ring = ring
        self._source = source
        self._changed = threading.Condition()
        self._waiting: deque[Frame] = deque()
        self._is_closing = False
        self._codec: VideoCodecContext | None = None
        self._last_tick = -1
        self._key_s = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"clip-encoder-{source}", daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> None:
        """Queue a frame; returns at once."""
        with self._changed:
            if len(self._waiting) >= _MAX_WAITING:
                self._waiting.popleft()
                self.left_out += 1
            self._waiting.append(frame)
            self._changed.notify()

    def close(self, wait_s: float = 1.0) -> None:
        """Encode what waits, for so long at most, and end the thread. Twice does no harm."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(wait_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closing)
                if not self._waiting:
                    break
                frame = self._waiting.popleft()
            try:
                self._encode(frame)
            except (FFmpegError, ImageError, ValueError) as error:
                self._fail(error)

    def _encode(self, frame: Frame) -> None:
        tick = round(frame.time_s * _TICKS_HZ)
        rgb = frame.rgb[: frame.height & ~1, : frame.width & ~1]  # 4:2:0 has even sides
        if tick <= self._last_tick or rgb.size == 0:
            return
        size = rgb.shape[1], rgb.shape[0]
        is_new = self._codec is None or (self._codec.width, self._codec.height) != size
        codec = self._codec = _codec_for(*size) if self._codec is None or is_new else self._codec
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")
        picture.pts, picture.time_base = tick, codec.time_base
        if is_new or frame.time_s - self._key_s >= _KEY_EVERY_S:
            picture.pict_type, self._key_s = PictureType.I, frame.time_s
        self._last_tick = tick
        for packet in codec.encode(picture):
            if is_new:
                self._begin_ring(bytes(packet))
                is_new = False
            self._ring.add(packet)

    def _begin_ring(self, first: bytes) -> None:
        """Tell the ring the format, which the first picture's own bytes state."""
        with av.open(io.BytesIO(first), format="h264") as container:
            self._ring.begin(container.streams.video[0])

    def _fail(self, error: Exception) -> None:
        self.left_out += 1
        if self._ring.left_out is None:
            _LOG.warning("source %s has no clips: its frames cannot be encoded: %s", self._source, error)
        self._ring.left_out = f"its frames cannot be encoded ({error})"
        self._codec = None


def _codec_for(width: int, height: int) -> VideoCodecContext:
    codec = VideoCodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, _TICKS_HZ), Fraction(25)
    codec.gop_size = _TICKS_HZ  # key frames are asked for by time
    codec.options = _OPTIONS
    return codec
