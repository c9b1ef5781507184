"""Video: one stream opened with FFmpeg, its packets and the pictures decoded from them."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from ...model.image import Image
from ...model.pictures.tone_mapping import transfer_of
from ..clips.packet_ring import PacketRing
from ..options import SourceOptions
from ..source_url import SourceError, kind_of, path_of
from ..timing.backlog import Backlog
from ..timing.liveness import Liveness
from ..timing.media_time import MAX_GAP_S
from ..timing.pacer import Pacer
from .decoder_limits import LIMITED, check_work, limit_pixels
from .display_matrix import FrameOrientation
from .display_order import DisplayOrder
from .ffmpeg_errors import explain_reading, silence, was_silent
from .ffmpeg_open import is_recording, open_container, rate_of
from .gpu_decoding import check_gpu_decoded, check_gpu_decodes
from .opened_source import StreamFacts, TimedPicture
from .packet_damage import PacketDamage
from .rgb_convert import RgbConverter
from .shortfall import ReadSpan
from .stream_choice import choose_stream, codec_of
from .yuv_image import as_decoded, luma_of

_MICROSECONDS = 1_000_000
_USUAL_RATE_HZ = 25.0
_MAX_KEY_DISTANCE_S = 30.0

_INVENTED_TIMES = frozenset({"mpjpeg"})  # FFmpeg counts 25 pictures a second, whatever comes
_STATE_DECODING_TIMES = frozenset({"avi"})
_READ_FASTER_THAN_REAL_TIME = frozenset({"lavfi", "hls"})  # as fast as they are read; a segment at a time
_SEGMENTED = frozenset({"hls"})  # which may be written, and fetched, many seconds after the pictures were taken
_COMPLETED_BY_NEXT = frozenset({"h264", "hevc"})  # over RTP, a picture is whole only when the next one begins
_TOO_SLOW = (
    "decoding is slower than the source sends, so only key frames are shown: lower the camera's size or rate, "
    "or give this computer less else to do"
)


class Video:
    """A file, camera or stream that FFmpeg opens, read as one video stream.

    Args:
        options: the source.
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        gpu: as in `StreamDetector`; None converts pictures to RGB.
        relay_port: as in `RtspRelay`.

    Raises:
        SourceError: it cannot be opened. Network sources say so within twice the time limit for opening.
    """

    def __init__(
        self, options: SourceOptions, pause: Callable[[float], bool], gpu: int | None = None, relay_port: int = 0
    ) -> None:
        self._options = options
        self._gpu = gpu
        self._kind = kind_of(options.url)
        self._where = options.url
        self._container = open_container(options, self._kind, gpu, relay_port)
        try:
            self._stream, notice = choose_stream(self._container, self._where, options.stream)
            check_gpu_decodes(self._stream, options)
            if self._kind in LIMITED:
                limit_pixels(self._stream, self._where)
        except Exception:
            self._container.close()
            raise
        self._stream.codec_context.thread_type = "SLICE"  # frame threads add latency, and cost more in all
        if self._stream.codec_context.name == "mjpeg":  # else it returns half a picture as a whole one
            self._stream.codec_context.options |= {"err_detect": "explode"}
        live, container = not is_recording(self._container, self._kind), self._container.format.name
        self.facts = facts = StreamFacts(
            live=live,
            dated=live and container not in _SEGMENTED,
            container=container,
            codec=codec_of(self._stream),
            rate_hz=rate_of(self._stream),
            notice="; ".join(filter(None, (notice, _hdr_notice(self._stream)))) or None,
            may_leap=bool(self._container.format.flags & Flags.ts_discont.value),
        )
        self.rate_hz = facts.rate_hz or _USUAL_RATE_HZ
        self.held_back_s = 1.0 / self.rate_hz if self._kind == "rtsp" and facts.codec in _COMPLETED_BY_NEXT else 0.0
        self.shortfall: str | None = None
        now_ns = time.monotonic_ns()
        self._keys_only = options.key_frames_only and self._kind != "lavfi"
        self.liveness = Liveness(now_ns, now_ns)
        if self._keys_only:
            self.liveness.min_patience_s = _MAX_KEY_DISTANCE_S
        paced = facts.container in _READ_FASTER_THAN_REAL_TIME if facts.live else options.pace == "realtime"
        self._pacer = None
        if paced:
            self._pacer = Pacer(pause, MAX_GAP_S) if facts.may_leap else Pacer(pause)
        self._backlog = Backlog()
        self._has_times = facts.container not in _INVENTED_TIMES
        path = path_of(options.url) if self._kind == "file" else None
        self._span = ReadSpan(self._container, self._stream, self.rate_hz, path)
        self._damage = PacketDamage(container, may_leap=facts.may_leap)
        self._order = (
            None
            if live
            else DisplayOrder(
                by_decoding=container in _STATE_DECODING_TIMES, depth=self._stream.codec_context.reorder_depth
            )
        )
        self._last_time: int | None = None
        self._last_key_s: float | None = None
        self._waited_s = 0.0
        self._converter, self._orientation = RgbConverter(), FrameOrientation()
        self._ring: PacketRing | None = None

    def pictures(self) -> Iterator[TimedPicture]:
        """Every picture of a recording; of a live source, every one from the first key frame on. Or key frames alone.

        Raises:
            SourceError: a live source was lost. (A recording that breaks off just ends, with `shortfall`.)
        """
        # Generated pictures are whole, but not marked as key frames.
        before_key = self.facts.live and self._kind != "lavfi"
        for packet in self._packets():
            before_key = before_key and not packet.is_keyframe
            if not before_key and not self._skips(packet):
                yield from self._decode(packet)
            self._check_decodable()
        yield from self._decode(None)
        self.liveness.corrupt += self._damage.end()
        self._note_end()
        if self._kind in ("rtsp", "device") or (self.facts.live and self._kind == "http"):
            raise SourceError(f"{self._where} ended the stream")

    def keep_packets(self, ring: PacketRing) -> None:
        """Also put every packet into a ring, from which clips are made."""
        ring.begin(self._stream)
        self._ring = ring

    def close(self) -> None:
        self._container.close()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        """Packets as they come; a recording is read on after a part that cannot be read."""
        while True:
            oldest_request_ns, packets_before = time.monotonic_ns(), self.liveness.packets
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:  # an empty one would end decoding; PyAV adds one at the end
                        if self._pacer and not self._pacer.wait_for(self._due_s(packet)):
                            return
                        self._waited_s = (time.monotonic_ns() - oldest_request_ns) / 1e9
                        self._note(packet)
                        if self._ring is not None:
                            self._ring.add(packet)
                        yield packet
                        self._check_silence()
                        oldest_request_ns = time.monotonic_ns()
                return
            except FFmpegError as error:
                if self.facts.live:
                    raise explain_reading(
                        error, self._options, (time.monotonic_ns() - oldest_request_ns) / 1e9
                    ) from None
                if self._span.is_complete:
                    return
                self.shortfall = f"ended early: after {self._span.seconds:.1f} s {self._where} cannot be read on"
                if self.liveness.packets == packets_before:
                    return

    def _check_silence(self) -> None:
        """Raise at the time limit: FFmpeg first returns its last packets, and reports the timeout a limit later."""
        is_timed = self.facts.live and self._kind in ("rtsp", "http")
        if is_timed and was_silent(self._options, self._waited_s):
            raise silence(self._options)

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[TimedPicture]:
        received_ns = time.monotonic_ns()
        if packet is not None:
            check_work(packet, self._where)
        if packet is not None and self._order is not None:
            self._order.add(packet.pts, packet.dts, is_key=packet.is_keyframe)
        try:
            frames = self._stream.decode(packet)
            if self._keys_only and packet:  # else the decoder would hold it for reordering
                frames += self._stream.decode(None)
                self._stream.codec_context.flush_buffers()
        except FFmpegError:
            self.liveness.corrupt += 1
            return
        for frame in frames:
            self.liveness.show()
            self.liveness.corrupt += frame.is_corrupt
            check_gpu_decoded(frame, self._stream, self._options)
            orientation = self._orientation.of(frame, packet)
            yield TimedPicture(
                image=partial(self._image, frame, orientation),
                grey=partial(luma_of, frame, orientation),
                pts=self._pts_of(frame),
                time_base=self._time_base.as_integer_ratio(),
                camera_unix_ns=_camera_time(packet, frame),
                driver_us=frame.pts if self._kind == "device" else None,
                received_ns=received_ns,
            )

    def _image(self, frame: VideoFrame, orientation: int) -> Image | None:
        lent = self._kind == "device" and self.facts.codec == "rawvideo"  # by the driver, until the camera is closed
        if self._gpu is not None and not lent:
            decoded = as_decoded(frame, self._converter, orientation)
            if decoded is not None:
                return decoded
        try:
            rgb = self._converter.convert(frame, orientation)
            return rgb.copy() if lent and frame.format.name == "rgb24" else rgb
        except FFmpegError as error:
            if error.errno == errno.ENOTSUP:
                raise SourceError(
                    f"{self._where} has pixels of the kind {frame.format.name}, which cannot be converted: let its"
                    " camera or program send another, such as yuv420p"
                ) from None
            self.liveness.corrupt += 1
            return None

    def _pts_of(self, frame: VideoFrame) -> int | None:
        if not self._has_times:
            return None
        if frame.pts is None and self._keys_only and not self.facts.live:  # a raw stream: count what lies between
            return int(self.liveness.packets / self.rate_hz / self._time_base)
        if self._order is not None:
            return self._order.time_of(frame.pts, is_b=frame.pict_type == PictureType.B)
        return frame.pts

    def _note(self, packet: Packet[VideoStream]) -> None:
        when = packet.dts if packet.pts is None else packet.pts
        self.liveness.beat(moved=when is None or when != self._last_time, is_key=packet.is_keyframe)
        self._last_time = when
        if packet.is_keyframe:
            self._note_key(self._due_s(packet))
        self.liveness.corrupt += self._damage.add(packet, self._due_s(packet))
        self._span.note(packet)

    def _check_decodable(self) -> None:
        """Close a camera that no longer gives pictures: when it is opened again, it may state another codec."""
        if self.facts.live and not self._backlog.skipping and self.liveness.blind_s > self._options.read_timeout_s:
            raise SourceError(
                f"{self._where} sends nothing that can be decoded any more: is it coded as the camera says?"
            )

    def _note_key(self, when_s: float) -> None:
        distance_s = None if self._last_key_s is None else when_s - self._last_key_s
        is_leap = self.facts.may_leap and distance_s is not None and not 0.0 < distance_s <= _MAX_KEY_DISTANCE_S
        if distance_s is not None and not is_leap:
            self.liveness.key_distance_s = distance_s
        self._last_key_s = when_s

    def _note_end(self) -> None:
        """Compare the length that was read with the stated one."""
        if self.facts.live or self.shortfall:
            return
        if missing := self._span.missing:
            self.shortfall = f"ended early: {self._where} holds {missing}"
        elif self.liveness.corrupt:
            self.shortfall = (
                f"ended with damage: {self.liveness.corrupt} packets or pictures of {self._where} are unreadable"
            )

    def _skips(self, packet: Packet[VideoStream]) -> bool:
        """Whether to skip a packet: it is no key frame and only those are wanted, or decoding is too far behind."""
        if self._keys_only and not packet.is_keyframe:
            return True
        when = packet.pts if packet.dts is None else packet.dts
        if not self.facts.live or self._pacer or not self._has_times or when is None:
            return False
        skips = self._backlog.skips(
            float(when * self._time_base), time.monotonic(), is_key=packet.is_keyframe, waited_s=self._waited_s
        )
        self.liveness.warning = _TOO_SLOW if self._backlog.skipping else None
        return skips

    def _due_s(self, packet: Packet[VideoStream]) -> float:
        when = packet.pts if packet.dts is None else packet.dts
        return self.liveness.packets / self.rate_hz if when is None else float(when * self._time_base)

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, _MICROSECONDS)


def _hdr_notice(stream: VideoStream) -> str | None:
    transfer = transfer_of(stream.codec_context.color_trc)
    return f"its pictures are HDR ({transfer}) and are tone-mapped to standard range" if transfer else None


def _camera_time(packet: Packet[VideoStream] | None, frame: VideoFrame) -> int | None:
    """Unix ns by the camera's last sender report, which FFmpeg attaches to each packet."""
    if packet is None or not packet.has_sidedata("prft"):
        return None
    (unix_us,) = struct.unpack_from("<q", bytes(packet.get_sidedata("prft")))
    behind = 0 if packet.pts is None or frame.pts is None else frame.pts - packet.pts  # pictures come out reordered
    return unix_us * 1000 + int(behind * packet.time_base * 1_000_000_000)
