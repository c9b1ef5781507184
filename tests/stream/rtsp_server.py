"""A small camera for tests: serves H.264 and H.265 over RTSP on loopback and misbehaves when told to."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from .encoded_clips import Clip, Picture, encode_clip, encode_pictures, free_port
from .rtp_packets import CLOCK_HZ, packets, sender_report
from .rtsp_answers import description, replay, transport

__all__ = ["Behaviour", "Clip", "RtspServer", "encode_clip", "encode_pictures", "free_port"]

_RTP_HEADER = 12


@dataclass
class Behaviour:
    """What the camera does wrong; read while it runs, so a test may change it."""

    status: int = 200  # of DESCRIBE
    only: Literal["tcp", "udp"] | None = None  # the one transport that it has
    refuses: bool = True  # the other with 461; else it answers with its own all the same
    location: str = ""  # to which DESCRIBE sends clients, where its status says so
    session: str = "Media Server"  # its name, which is sent in Latin-1
    mute: bool = False  # accepts, and never answers
    silent: bool = False  # plays, and sends no packets
    reset: bool = False  # closes every connection at once with RST
    first_picture: int = 0  # not a multiple of the key frame distance: begins in mid-GOP
    user: str | None = None
    password: str | None = None
    clock_offset_s: float = 0.0  # of its sender reports
    sender_reports: bool = True
    first_stamp: int = 7000  # of RTP, which has 32 bits
    first_sequence: int = 0  # which has 16
    leaps_s: Mapping[int, float] = field(default_factory=dict[int, float])  # from a picture on, its times leap so far
    frozen_time: bool = False  # every packet carries the same time
    damage: bool = False  # flips bytes in pictures that are not key frames
    flip_share: float = 0.0  # of all packets, in which a few bytes flip
    sets_of: Clip | None = None  # the SDP names the parameter sets of another stream
    fmtp: bool = True  # the SDP names parameter sets at all
    recorded: Mapping[str, str] = field(default_factory=dict[str, str])  # answers of a real camera, by method
    rtp_info: str = "seq=1"
    bye_after: int | None = None  # closes the connection after so many pictures
    pictures_sent: list[int] = field(
        default_factory=list[int]
    )  # unix ns at which each was "taken", over all connections
    key_sent_ns: list[int] = field(default_factory=list[int])  # monotonic

    def unplug(self) -> None:
        """Fall silent, to those that are connected and to those that come."""
        self.silent = self.mute = True

    def plug_in(self) -> None:
        self.silent = self.mute = False


class RtspServer:
    """Serves clips in turn and the last of them for ever, in real time, to any number of clients."""

    def __init__(
        self, *clips: Clip, port: int = 0, behaviour: Behaviour | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.clips = clips
        self.behaviour = behaviour or Behaviour()
        self.sessions = self.questions = self.connections = 0  # PLAYs, DESCRIBEs, and whatever comes
        self.host = host
        self.requests: list[str] = []
        self._over = threading.Event()
        self._clients: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, port), reuse_port=False)
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        return f"rtsp://{self.host}:{self.port}/live"

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

    def show(self, clip: Clip) -> None:
        """Go on with another clip: now in the same stream, and described to those that come."""
        self.clips = (clip,)

    def hang_up(self) -> None:
        """End every connection in order, wherever in the stream it is."""
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

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
            self.connections += 1
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
        self._dice = random.Random(11)

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
        self._server.requests.append(request)
        if not (line := re.search(r"^(?:\$.*)?([A-Z_]+) (\S+) RTSP/1.0", request, re.MULTILINE | re.DOTALL)):
            return
        method, url = line[1], line[2]
        found = re.search(r"CSeq: *(\d+)", request)
        sequence = found[1] if found else "0"
        status, headers, body = self._reply(method, url, request)
        lines = [
            f"RTSP/1.0 {status} {'OK' if status == 200 else 'No'}",
            f"CSeq: {sequence}",
            *headers,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join([*lines, "", body])
        if status == 200 and (words := self._behaviour.recorded.get(method)):
            text = replay(words, sequence, self._server.port, self._server.clips[0])
        with self._sent:
            self._client.sendall(text.encode("latin-1"))
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
                return self._behaviour.status, [f"Location: {self._behaviour.location}"], ""
            return (
                200,
                [f"Content-Base: {url}/", "Content-Type: application/sdp"],
                description(
                    self._server.clips[0],
                    sets_of=self._behaviour.sets_of,
                    fmtp=self._behaviour.fmtp,
                    session=self._behaviour.session,
                ),
            )
        if method == "SETUP":
            is_refused = self._behaviour.refuses and self._behaviour.only == _other_transport(request)
            headers = ["Session: 634214675641;timeout=60", f"Transport: {self._transport(request)}"]
            return (461, [], "") if is_refused else (200, headers, "")
        return 200, ["Session: 634214675641", f"RTP-Info: url=trackID=0;{self._behaviour.rtp_info}"], ""

    def _may_enter(self, method: str, url: str, request: str) -> bool:
        behaviour = self._behaviour
        if behaviour.user is None:
            return True
        secret = f"{behaviour.user}:Surveillance Server:{behaviour.password}"
        parts = [hashlib.md5(text.encode()).hexdigest() for text in (secret, f"{method}:{url}")]
        expected = hashlib.md5(f"{parts[0]}:98481030:{parts[1]}".encode()).hexdigest()
        return f'response="{expected}"' in request

    def _transport(self, request: str) -> str:
        ports = re.search(r"client_port=(\d+)-\d+", request)
        if self._behaviour.only == "udp" and not ports:
            return transport(50_000, 50_002)
        if self._behaviour.only == "tcp" or not ports:
            return transport(None, 0)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self._udp = (udp, int(ports[1]))
        return transport(int(ports[1]), udp.getsockname()[1])

    def _play(self) -> None:
        self._server.sessions += 1
        with contextlib.suppress(OSError):
            self._send_pictures()
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        if self._udp:
            self._udp[0].close()

    def _send_pictures(self) -> None:
        behaviour, rate_hz = self._behaviour, self._server.clips[0].rate_hz
        began, began_unix_ns, report_due, leapt_s = time.monotonic(), time.time_ns(), 0.0, 0.0
        for sent, (clip, picture) in enumerate(self._shown()):
            if sent == behaviour.bye_after or self._over.is_set():
                return
            elapsed_s = sent / rate_hz
            leapt_s += behaviour.leaps_s.get(sent, 0.0)
            self._over.wait(max(0.0, began + elapsed_s - time.monotonic()))
            said_s = 0.0 if behaviour.frozen_time else elapsed_s + leapt_s
            stamp = behaviour.first_stamp + int(said_s * CLOCK_HZ)
            if behaviour.silent or self._over.is_set():
                continue
            taken_unix_ns = began_unix_ns + int(elapsed_s * 1e9)
            if behaviour.sender_reports and elapsed_s >= report_due:
                report_due = elapsed_s + 1.0
                self._send(1, sender_report(taken_unix_ns + int(behaviour.clock_offset_s * 1e9), stamp, sent))
            self._send_picture(clip, picture, stamp)
            behaviour.pictures_sent.append(taken_unix_ns)

    def _shown(self) -> Iterator[tuple[Clip, Picture]]:
        start = self._behaviour.first_picture
        for clip in self._server.clips[:-1]:
            yield from ((clip, picture) for picture in clip.pictures[start:])
            start = 0
        while True:
            clip = self._server.clips[-1]
            for picture in clip.pictures[start % len(clip.pictures) :]:
                if clip is not self._server.clips[-1]:
                    break
                yield clip, picture
            start = 0

    def _send_picture(self, clip: Clip, picture: Picture, stamp: int) -> None:
        behaviour = self._behaviour
        if clip.is_key(picture):
            behaviour.key_sent_ns.append(time.monotonic_ns())
        elif behaviour.damage:
            picture = [unit[:1] + bytes(byte ^ 0x5A for byte in unit[1:]) for unit in picture]
        first = behaviour.first_sequence + self._sequence
        for packet in packets(picture, clip.codec, first, stamp):
            self._sequence += 1
            self._send(0, self._flip(packet) if self._dice.random() < behaviour.flip_share else packet)

    def _flip(self, packet: bytes) -> bytes:
        """The packet with a few bytes of its payload changed."""
        flipped = bytearray(packet)
        for _ in range(self._dice.randint(1, 8)):
            flipped[self._dice.randrange(_RTP_HEADER, len(packet))] ^= self._dice.randrange(1, 256)
        return bytes(flipped)

    def _send(self, channel: int, packet: bytes) -> None:
        if self._udp:
            self._udp[0].sendto(packet, ("127.0.0.1", self._udp[1] + channel))
            return
        with self._sent:
            self._client.sendall(struct.pack(">cBH", b"$", channel, len(packet)) + packet)


def _reset(client: socket.socket) -> None:
    """Close with RST: what a client sees when a camera loses power and comes back."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        client.close()


def _other_transport(request: str) -> str:
    """The one that a SETUP does not ask for."""
    return "tcp" if "client_port" in request else "udp"
