# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A small camera for tests: serves H.264 over RTSP on loopback and misbehaves when told to."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

_CLOCK_HZ = 90_000
_NTP_FROM_UNIX_S = 2_208_988_800
_LONGEST_PAYLOAD = 1400
_SSRC = 0x30A98EE7
_SPS, _PPS, _KEY_FRAME = 7, 8, 5


@dataclass(frozen=True)
class Clip:
    """Encoded pictures: the NAL units of each, without start codes."""

    pictures: list[list[bytes]]
    rate_hz: int

    @property
    def parameter_sets(self) -> list[bytes]:
        return [unit for unit in self.pictures[0] if unit[0] & 31 in (_SPS, _PPS)]


def encode_clip(
    width: int = 320, height: int = 240, rate_hz: int = 25, pictures: int = 50, key_every: int = 10
) -> Clip:
    """A grey level that says which picture it is (picture n has level 40 + 3 (n mod 50)), as H.264 without B-frames."""
    levels = (40 + 3 * (number % 50) for number in range(pictures))
    return encode_pictures((np.full((height, width, 3), level, np.uint8) for level in levels), rate_hz, key_every)


def encode_pictures(images: Iterable[NDArray[np.uint8]], rate_hz: int, key_every: int) -> Clip:
    """(height, width, 3) uint8 RGB each, all of one size, as H.264 without B-frames."""
    encoder: av.VideoCodecContext | None = None
    encoded: list[list[bytes]] = []
    for number, image in enumerate(images):
        encoder = encoder or _encoder(image.shape[1], image.shape[0], rate_hz, key_every)
        frame = av.VideoFrame.from_ndarray(image)
        frame.pts = number
        encoded += [_units(bytes(packet)) for packet in encoder.encode(frame)]
    assert encoder is not None, "a clip has pictures"
    encoded += [_units(bytes(packet)) for packet in encoder.encode(None)]
    return Clip(encoded, rate_hz)


def _encoder(width: int, height: int, rate_hz: int, key_every: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, rate_hz)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"keyint={key_every}:scenecut=0"}
    return encoder


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _units(annex_b: bytes) -> list[bytes]:
    return [unit for unit in re.split(b"\x00\x00\x00?\x01", annex_b) if unit]


@dataclass
class Behaviour:
    """What the camera does wrong; read while it runs, so a test may change it."""

    status: int = 200  # of DESCRIBE
    mute: bool = False  # accepts, and never answers
    silent: bool = False  # plays, and sends no packets
    reset: bool = False  # closes every connection at once with RST
    first_picture: int = 0  # not a multiple of the key frame distance: begins in mid-GOP
    user: str | None = None
    password: str | None = None
    clock_offset_s: float = 0.0  # of its sender reports
    sender_reports: bool = True
    frozen_time: bool = False  # every packet carries the same time
    damage: bool = False  # flips bytes in pictures that are not key frames
    rtp_info: str = "seq=1"
    bye_after: int | None = None  # closes the connection after so many pictures
    pictures_sent: list[int] = field(
        default_factory=list[int]
    )  # unix ns at which each was "taken", over all connections
    key_sent_ns: list[int] = field(default_factory=list[int])  # monotonic


class RtspServer:
    """Serves clips in turn, in real time, to any number of clients."""

    def __init__(self, *clips: Clip, port: int = 0, behaviour: Behaviour | None = None) -> None:
        self.clips = clips
        self.behaviour = behaviour or Behaviour()
        self.sessions = self.questions = 0  # PLAYs, DESCRIBEs
        self._over = threading.Event()
        self._clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Die as a process dies: every connection is reset, the port is free."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            _reset(client)
        for thread in self._threads:
            thread.join(5)

    def break_connections(self) -> None:
        for client in self._clients:
            _reset(client)

    def _spawn(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.behaviour.reset:
                _reset(client)
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients.append(client)
            self._spawn(_Session(self, client, self._over).serve)


class _Session:
    def __init__(self, server: RtspServer, client: socket.socket, over: threading.Event) -> None:
        self._server = server
        self._behaviour = server.behaviour
        self._client = client
        self._over = over
        self._sequence = 0
        self._sent = threading.Lock()
        self._udp: tuple[socket.socket, int] | None = None

    def serve(self) -> None:
        received: bytes = b""
        with contextlib.suppress(OSError):
            while not self._over.is_set() and (piece := self._client.recv(4096)):
                if self._behaviour.mute:
                    continue
                received += piece
                while b"\r\n\r\n" in received:
                    request, _, received = received.partition(b"\r\n\r\n")
                    self._answer(request.decode("latin1"))
        with contextlib.suppress(OSError):
            self._client.close()

    def _answer(self, request: str) -> None:
        if not (line := re.search(r"^(?:\$.*)?([A-Z_]+) (\S+) RTSP/1.0", request, re.MULTILINE | re.DOTALL)):
            return
        method, url = line[1], line[2]
        sequence = re.search(r"CSeq: *(\d+)", request)
        status, headers, body = self._reply(method, url, request)
        lines = [
            f"RTSP/1.0 {status} {'OK' if status == 200 else 'No'}",
            f"CSeq: {sequence[1] if sequence else 0}",
            *headers,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        with self._sent:
            self._client.sendall("\r\n".join([*lines, "", body]).encode())
        if method == "PLAY" and status == 200:
            threading.Thread(target=self._play, daemon=True).start()

    def _reply(self, method: str, url: str, request: str) -> tuple[int, list[str], str]:
        self._server.questions += method == "DESCRIBE"
        if method == "OPTIONS":
            return 200, ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"], ""
        if not self._may_enter(method, url, request):
            return 401, ['WWW-Authenticate: Digest realm="Surveillance Server", nonce="98481030"'], ""
        if method == "DESCRIBE":
            if self._behaviour.status != 200:
                return self._behaviour.status, [], ""
            return 200, [f"Content-Base: {url}/", "Content-Type: application/sdp"], self._description()
        if method == "SETUP":
            return 200, ["Session: 634214675641;timeout=60", f"Transport: {self._transport(request)}"], ""
        return 200, ["Session: 634214675641", f"RTP-Info: url=trackID=0;{self._behaviour.rtp_info}"], ""

    def _may_enter(self, method: str, url: str, request: str) -> bool:
        behaviour = self._behaviour
        if behaviour.user is None:
            return True
        secret = f"{behaviour.user}:Surveillance Server:{behaviour.password}"
        parts = [hashlib.md5(text.encode()).hexdigest() for text in (secret, f"{method}:{url}")]
        expected = hashlib.md5(f"{parts[0]}:98481030:{parts[1]}".encode()).hexdigest()
        return f'response="{expected}"' in request

    def _description(self) -> str:
        sets = ",".join(b64encode(unit).decode() for unit in self._server.clips[0].parameter_sets)
        return "\r\n".join([
            "v=0", "o=- 2252542845 2252542845 IN IP4 0.0.0.0", "s=Media Server", "c=IN IP4 0.0.0.0", "t=0 0",
            "a=control:*", "a=range:npt=now-", "m=video 0 RTP/AVP 96", "a=control:trackID=0",
            f"a=framerate:{self._server.clips[0].rate_hz}.000000", "a=rtpmap:96 H264/90000",
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}", "a=recvonly", "",
        ])  # fmt: skip

    def _transport(self, request: str) -> str:
        ports = re.search(r"client_port=(\d+)-\d+", request)
        if ports is None:
            return f"RTP/AVP/TCP;unicast;interleaved=0-1;ssrc={_SSRC:08X}"
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self._udp = (udp, int(ports[1]))
        own = udp.getsockname()[1]
        return (
            f"RTP/AVP;unicast;client_port={ports[1]}-{int(ports[1]) + 1};server_port={own}-{own + 1};ssrc={_SSRC:08X}"
        )

    def _play(self) -> None:
        self._server.sessions += 1
        with contextlib.suppress(OSError):
            self._send_pictures()
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        if self._udp:
            self._udp[0].close()

    def _send_pictures(self) -> None:
        behaviour, clips = self._behaviour, self._server.clips
        rate_hz = clips[0].rate_hz
        began, began_unix_ns, sent, report_due = time.monotonic(), time.time_ns(), 0, 0.0
        pictures = [picture for clip in clips for picture in clip.pictures][behaviour.first_picture :]
        while not self._over.is_set() and sent != behaviour.bye_after:
            picture = (
                pictures[sent]
                if sent < len(pictures)
                else clips[-1].pictures[(sent - len(pictures)) % len(clips[-1].pictures)]
            )
            elapsed_s = sent / rate_hz
            self._over.wait(max(0.0, began + elapsed_s - time.monotonic()))
            stamp = 7000 + (0 if behaviour.frozen_time else int(elapsed_s * _CLOCK_HZ))
            sent += 1
            if behaviour.silent or self._over.is_set():
                continue
            taken_unix_ns = began_unix_ns + int(elapsed_s * 1e9)
            if behaviour.sender_reports and elapsed_s >= report_due:
                report_due = elapsed_s + 1.0
                self._send(1, _sender_report(taken_unix_ns + int(behaviour.clock_offset_s * 1e9), stamp, sent))
            self._send_picture(picture, stamp)
            behaviour.pictures_sent.append(taken_unix_ns)

    def _send_picture(self, picture: list[bytes], stamp: int) -> None:
        if any(unit[0] & 31 == _KEY_FRAME for unit in picture):
            self._behaviour.key_sent_ns.append(time.monotonic_ns())
        elif self._behaviour.damage:
            picture = [unit[:1] + bytes(byte ^ 0x5A for byte in unit[1:]) for unit in picture]
        payloads = [payload for unit in picture for payload in _payloads(unit)]
        for position, payload in enumerate(payloads):
            marker = 0x80 if position == len(payloads) - 1 else 0
            header = struct.pack(">BBHII", 0x80, 96 | marker, self._sequence & 0xFFFF, stamp & 0xFFFFFFFF, _SSRC)
            self._sequence += 1
            self._send(0, header + payload)

    def _send(self, channel: int, packet: bytes) -> None:
        if self._udp:
            self._udp[0].sendto(packet, ("127.0.0.1", self._udp[1] + channel))
            return
        with self._sent:
            self._client.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)


def _payloads(unit: bytes) -> list[bytes]:
    """One NAL unit as RTP payloads: whole, or cut into FU-A pieces (RFC 6184, 5.8)."""
    if len(unit) <= _LONGEST_PAYLOAD:
        return [unit]
    indicator, kind, body = unit[0] & 0xE0 | 28, unit[0] & 31, unit[1:]
    pieces = [body[start : start + _LONGEST_PAYLOAD] for start in range(0, len(body), _LONGEST_PAYLOAD)]
    flags = [0x80] + [0] * (len(pieces) - 2) + [0x40]
    return [bytes([indicator, flag | kind]) + piece for flag, piece in zip(flags, pieces, strict=True)]


def _sender_report(unix_ns: int, stamp: int, packets: int) -> bytes:
    seconds, rest_ns = divmod(unix_ns, 1_000_000_000)
    fraction = (rest_ns << 32) // 1_000_000_000
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, _SSRC, seconds + _NTP_FROM_UNIX_S, fraction, stamp, packets, 0)


def _reset(client: socket.socket) -> None:
    """Close with RST: what a client sees when a camera loses power and comes back."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        client.close()
