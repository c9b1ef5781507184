"""One opened video or camera: its packets and the pictures decoded from them."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .backlog import Backlog
from .colour import RgbConverter
from .options import SourceOptions
from .pace import Pacer
from .picture import Picture, Pulse, StreamFacts
from .source_fault import explain_opening, explain_reading
from .source_url import SourceError, SourceKind, filter_of, kind_of, path_of, redact

_MICROSECONDS = 1_000_000
_USUAL_RATE_HZ = 25.0
_HIGHEST_RATE_HZ = 1000.0
_TEXT_SHOWN_AS_VIDEO = frozenset({"tty", "bin", "xbin", "adf", "idf"})

_KNOW_THEIR_LENGTH = frozenset({"mov", "matroska", "avi", "flv"})
_MADE_UP_TIMES = frozenset({"mpjpeg"})  # FFmpeg counts 25 pictures a second, whatever comes
_HANDED_OUT_EARLY = frozenset({"lavfi", "hls"})  # as fast as they are read; a segment at a time
_ROWS_OF_FILES = frozenset({"hls"})  # which may be written, and fetched, many seconds after the pictures were taken
_WAIT_FOR_THE_NEXT = frozenset({"h264", "hevc"})  # over RTP, a picture is whole only when the next one begins
_TOO_SLOW = (
    "decoding is slower than the source sends, so only key frames are shown: lower the camera's size or rate, "
    "or give this computer less else to do"
)

# A camera is asked for its video alone, and opening waits for the first packet only: what else FFmpeg would find out
# (above all the rate) is not worth half a second after each lost connection. What is read while opening is kept: with
# "nobuffer" the first key frame is thrown away, and the first picture comes a whole interval of key frames later.
_RTSP_OPTIONS = {"allowed_media_types": "video", "fpsprobesize": "0", "probesize": "32"}


class Video:
    """Anything that FFmpeg opens as one video stream.

    Args:
        options: the source.
        pause: waits so many seconds; true if the wait was cut short because the work is over.

    Raises:
        SourceError: it cannot be opened. Network sources say so within twice the time limit for opening.
    """

    def __init__(self, options: SourceOptions, pause: Callable[[float], bool]) -> None:
        self._options = options
        self._kind = kind_of(options.url)
        self._where = redact(options.url)
        self._container = _open(options, self._kind)
        try:
            self._stream = _choose_stream(self._container, self._where)
        except SourceError:
            self._container.close()
            raise
        self._stream.codec_context.thread_type = "SLICE"  # frame threads hold pictures back, and cost more in all
        live, container = not _is_recording(self._container, self._kind), self._container.format.name
        self.facts = facts = StreamFacts(
            live=live,
            dated=live and container not in _ROWS_OF_FILES,
            container=container,
            codec=self._stream.codec_context.name,
            rate_hz=_rate_of(self._stream),
        )
        self.rate_hz = facts.rate_hz or _USUAL_RATE_HZ
        self.held_back_s = 1.0 / self.rate_hz if self._kind == "rtsp" and facts.codec in _WAIT_FOR_THE_NEXT else 0.0
        self.shortfall: str | None = None
        now_ns = time.monotonic_ns()
        self.pulse = Pulse(now_ns, now_ns)
        paced = facts.container in _HANDED_OUT_EARLY if facts.live else options.pace == "realtime"
        self._pacer = Pacer(pause) if paced else None
        self._backlog = Backlog()
        self._keys_only = options.key_frames_only and self._kind != "lavfi"
        self._has_times = facts.container not in _MADE_UP_TIMES
        self._last_time: int | None = None
        self._last_key_s: float | None = None
        self._read_until_s = 0.0
        self._converter = RgbConverter()

    def pictures(self) -> Iterator[Picture]:
        """Every picture of a recording; of a live source, every one from the first key frame on. Or key frames alone.

        Raises:
            SourceError: a live source was lost. (A recording that breaks off just ends, with `shortfall`.)
        """
        before_key = (
            self.facts.live and self._kind != "lavfi"
        )  # generated pictures are whole, but not marked as key frames
        for packet in self._packets():
            before_key = before_key and not packet.is_keyframe
            if not before_key and not self._leaves_out(packet):
                yield from self._decode(packet)
        yield from self._decode(None)
        self._note_end()
        if self._kind in ("rtsp", "device") or (self.facts.live and self._kind == "http"):
            raise SourceError(f"{self._where} ended the stream")

    def close(self) -> None:
        self._container.close()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets as they come; a recording is read on behind a place that cannot be read."""
        while True:
            asked_ns, packets_before = time.monotonic_ns(), self.pulse.packets
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:  # an empty one would end decoding; PyAV adds one at the end
                        if self._pacer and not self._pacer.wait_for(self._due_s(packet)):
                            return
                        self._note(packet)
                        yield packet
                        asked_ns = time.monotonic_ns()
                return
            except FFmpegError as error:
                if self.facts.live:
                    raise explain_reading(error, self._options, (time.monotonic_ns() - asked_ns) / 1e9) from None
                self.shortfall = f"ended early: after {self._read_until_s:.1f} s {self._where} cannot be read on"
                if self.pulse.packets == packets_before:
                    return

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[Picture]:
        received_ns = time.monotonic_ns()
        try:
            frames = self._stream.decode(packet)
            if self._keys_only and packet:  # the decoder would keep it until others come, to put them in order
                frames += self._stream.decode(None)
                self._stream.codec_context.flush_buffers()
        except FFmpegError:
            self.pulse.corrupt += 1
            return
        for frame in frames:
            self.pulse.corrupt += frame.is_corrupt
            yield Picture(
                rgb=partial(self._rgb, frame),
                pts=self._pts_of(frame),
                time_base=self._time_base.as_integer_ratio(),
                camera_unix_ns=_camera_time(packet, frame),
                driver_us=frame.pts if self._kind == "device" else None,
                received_ns=received_ns,
            )

    def _rgb(self, frame: VideoFrame) -> NDArray[np.uint8] | None:
        try:
            return self._converter.convert(frame)
        except FFmpegError:
            self.pulse.corrupt += 1
            return None

    def _pts_of(self, frame: VideoFrame) -> int | None:
        if not self._has_times:
            return None
        if frame.pts is None and self._keys_only and not self.facts.live:  # a raw stream: count what lies between
            return int(self.pulse.packets / self.rate_hz / self._time_base)
        return frame.pts

    def _note(self, packet: Packet[VideoStream]) -> None:
        when = packet.dts if packet.pts is None else packet.pts
        self.pulse.beat(moved=when is None or when != self._last_time, is_key=packet.is_keyframe)
        self._last_time = when
        if packet.is_keyframe:
            self._note_key(self._due_s(packet))
        self.pulse.corrupt += packet.is_corrupt
        if when is not None:
            ends_s = float((when - (self._stream.start_time or 0) + (packet.duration or 0)) * self._time_base)
            self._read_until_s = max(self._read_until_s, ends_s)

    def _note_key(self, when_s: float) -> None:
        if self._last_key_s is not None:
            self.pulse.key_distance_s = when_s - self._last_key_s
        self._last_key_s = when_s

    def _note_end(self) -> None:
        """Compare what could be read with what the file promises."""
        if self.facts.live or self.shortfall:
            return
        promised_s, slack_s = self._promised_s()
        if promised_s - self._read_until_s > slack_s:
            self.shortfall = f"ended early: {self._where} holds {self._read_until_s:.1f} s of {promised_s:.1f} s"
        elif self.pulse.corrupt:
            self.shortfall = (
                f"ended with damage: {self.pulse.corrupt} packets or pictures of {self._where} are unreadable"
            )

    def _promised_s(self) -> tuple[float, float]:
        """How long the file says its video is, and how much less is still no reason to doubt it."""
        if not _KNOW_THEIR_LENGTH & set(self.facts.container.split(",")):
            return 0.0, 0.0
        if self._stream.duration is not None:
            return float(self._stream.duration * self._time_base), max(0.5, 3 / self.rate_hz)
        whole_s = (self._container.duration or 0) / _MICROSECONDS  # of the longest stream, which may be sound
        return whole_s, max(1.0, 0.02 * whole_s)

    def _leaves_out(self, packet: Packet[VideoStream]) -> bool:
        """Whether nobody wants this packet, or decoding is so far behind a live source that it has to be left out."""
        if self._keys_only and not packet.is_keyframe:
            return True
        when = packet.pts if packet.dts is None else packet.dts
        if not self.facts.live or self._pacer or not self._has_times or when is None:
            return False
        leaves_out = self._backlog.leaves_out(
            float(when * self._time_base), time.monotonic(), is_key=packet.is_keyframe
        )
        self.pulse.warning = _TOO_SLOW if self._backlog.skipping else None
        return leaves_out

    def _due_s(self, packet: Packet[VideoStream]) -> float:
        when = packet.pts if packet.dts is None else packet.dts
        return self.pulse.packets / self.rate_hz if when is None else float(when * self._time_base)

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, _MICROSECONDS)


def _open(options: SourceOptions, kind: SourceKind) -> InputContainer:
    url, demuxer, ffmpeg_options = options.url, None, dict[str, str]()
    if kind == "rtsp":
        ffmpeg_options = {**_RTSP_OPTIONS, "rtsp_transport": options.transport}
    elif kind == "device":
        demuxer = "v4l2"
    elif kind == "lavfi":
        url, demuxer = filter_of(options.url), "lavfi"
    elif kind == "file":
        url, ffmpeg_options = f"file:{path_of(options.url)}", {"pattern_type": "none"}  # a % in a name is a %
    timeout = (options.open_timeout_s, options.read_timeout_s) if kind in ("rtsp", "http") else None
    began_s = time.monotonic()
    try:
        return av.open(url, format=demuxer, options=ffmpeg_options, timeout=timeout)
    except FFmpegError as error:  # its text holds the URL with the password
        raise explain_opening(error, options, kind, time.monotonic() - began_s) from None


def _choose_stream(container: InputContainer, where: str) -> VideoStream:
    if container.format.name in _TEXT_SHOWN_AS_VIDEO:
        raise SourceError(f"{where} is a text, not a video: name a video or a picture")
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise SourceError(f"{where} has no video in it: name one that has")
    stream = moving[0]
    if getattr(stream, "codec_context", None) is None:  # PyAV's types do not say that it may be
        raise SourceError(f"{where} is damaged, or coded in a way that cannot be decoded: convert it to H.264")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream


def _is_recording(container: InputContainer, kind: SourceKind) -> bool:
    """Whether the source has an end that is known: a file, or what a web server hands out as one."""
    if kind != "http":
        return kind == "file"
    is_whole_file = container.format.name != "hls" and container.size > 0  # of a playlist it would be the list's size
    return container.duration is not None or is_whole_file


def _rate_of(stream: VideoStream) -> float | None:
    rate_hz = float(stream.guessed_rate or stream.average_rate or 0)
    return rate_hz if 0.0 < rate_hz <= _HIGHEST_RATE_HZ else None


def _camera_time(packet: Packet[VideoStream] | None, frame: VideoFrame) -> int | None:
    """Unix ns by the camera's last sender report, which FFmpeg lays beside each packet."""
    if packet is None or not packet.has_sidedata("prft"):
        return None
    (unix_us,) = struct.unpack_from("<q", bytes(packet.get_sidedata("prft")))
    behind = 0 if packet.pts is None or frame.pts is None else frame.pts - packet.pts  # pictures come out reordered
    return unix_us * 1000 + int(behind * packet.time_base * 1_000_000_000)
