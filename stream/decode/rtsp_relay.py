"""RTSP relay: a loopback socket between FFmpeg and a camera, which keeps redirects from FFmpeg.

FFmpeg follows an RTSP redirect to any host, with the password, and has no option against it. The relay parses requests
and answers until PLAY and writes each answer anew, so that FFmpeg cannot parse it differently. After PLAY, when FFmpeg
follows no redirect, it forwards bytes. The camera gets the same requests as without a relay.
"""

from __future__ import annotations

import hashlib
import re
import select
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from ..options import SourceOptions

MAX_HEAD_LINES = 100
MAX_LINE = 4096  # bytes; FFmpeg keeps no more of one
MAX_BODY = 2**20  # bytes of a description of a stream

_PORTS = {"rtsp": 554, "rtsps": 322}
_AT_ONCE = 2**16
_SEND_BUFFER = 2**18  # bytes of send buffer between the relay and FFmpeg: buffered packets are late
_STATUS = re.compile(rb"RTSP/1\.\d ([1-9]\d\d)(?: [^\0]*)?")
_FIELD = re.compile(r'(\w{1,20})=(?:"([^"]*)"|([^",\s]*))')


class RtspRelay:
    """One connection to a camera, and the loopback address at which FFmpeg connects.

    Args:
        url: of the camera, with user and password.
        options: of the source.
        port: on loopback, for FFmpeg; 0 is any free one.

    Attributes:
        url: for FFmpeg.
        redirect: the URL that the camera redirects to; None without.

    Raises:
        OSError: the camera cannot be reached.
    """

    def __init__(self, url: str, options: SourceOptions, port: int = 0) -> None:
        parts = urlsplit(url)
        camera = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._timeout_s = options.open_timeout_s
        try:
            self._camera: socket.socket = socket.create_connection(camera, timeout=self._timeout_s)
        except UnicodeError:
            raise socket.gaierror("no name that can be") from None
        try:
            self._address: str = self._camera.getpeername()[0]
            self._camera.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme.lower() == "rtsps":
                self._camera = _unchecked_tls().wrap_socket(self._camera, server_hostname=camera[0])
            self._listener = socket.create_server(("127.0.0.1", port), backlog=1)
        except OSError:
            self._camera.close()
            raise
        self._listener.settimeout(self._timeout_s)
        authority, tail = _split(url)
        user, at, place = authority.rpartition("@")
        self._place = place if parts.port else f"{place}:{port}"
        self._own = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._scheme = parts.scheme.lower()
        self.url = f"rtsp://{user}{at}{self._own}{tail}"
        self.redirect: str | None = None
        threading.Thread(target=self._run, name=f"relay-{options.name}", daemon=True).start()

    def close(self) -> None:
        """Close the connection to the camera, if FFmpeg has not connected."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        with suppress(OSError, ValueError), self._camera, self._listener:
            ffmpeg, _ = self._listener.accept()
            with ffmpeg:
                self._listener.close()
                ffmpeg.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ffmpeg.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
                self._serve(ffmpeg)

    def _serve(self, ffmpeg: socket.socket) -> None:
        requests, answers = _RtspStream(ffmpeg), _RtspStream(self._camera)
        while True:
            request, body = requests.message()
            self._camera.sendall(_joined(self._readdressed(request)) + body)
            if request[0].startswith(b"PLAY "):
                break
            answer, body = answers.message(frames_to=ffmpeg)
            status = _STATUS.fullmatch(answer[0])
            if status is None:
                raise ValueError("no answer in RTSP")
            if status[1].startswith(b"3"):
                self.redirect = _field(answer, b"location").decode("latin-1")
                return
            ffmpeg.sendall(_joined([self._with_source(line) for line in answer]) + body)
        ffmpeg.sendall(answers.rest())
        self._camera.settimeout(None)
        _forward(self._camera, ffmpeg)

    def _readdressed(self, request: list[bytes]) -> list[bytes]:
        """A request with the camera's address in place of the relay's, and a digest for that address."""
        relay_url, camera_url = f"rtsp://{self._own}".encode(), f"{self._scheme}://{self._place}".encode()
        method = request[0].partition(b" ")[0].decode("latin-1")
        changed = [line.replace(relay_url, camera_url) for line in request]
        return [self._signed(line, method) if line.startswith(b"Authorization: Digest") else line for line in changed]

    def _signed(self, line: bytes, method: str) -> bytes:
        """The digest of RFC 2617 over the address that the line now has."""
        text = line.decode("latin-1")
        given = {name: quoted or bare for name, quoted, bare in _FIELD.findall(text)}
        secret = _md5(f"{self._user}:{given.get('realm', '')}:{self._password}")
        if given.get("algorithm", "").lower() == "md5-sess":
            secret = _md5(f"{secret}:{given.get('nonce', '')}:{given.get('cnonce', '')}")
        middle = [given.get(name, "") for name in (("nonce", "nc", "cnonce", "qop") if "qop" in given else ("nonce",))]
        proof = _md5(":".join([secret, *middle, _md5(f"{method}:{given.get('uri', '')}")]))
        return text.replace(f'response="{given.get("response", "")}"', f'response="{proof}"').encode("latin-1")

    def _with_source(self, line: bytes) -> bytes:
        """A Transport field with the camera's own address as the source of UDP packets, whatever it names."""
        name, _, value = line.partition(b":")
        if name.strip().lower() != b"transport" or b"interleaved" in value.lower():
            return line
        kept = [part for part in value.split(b";") if not part.strip().lower().startswith((b"source", b"destination"))]
        return b"Transport:" + b";".join([*kept, b"source=" + self._address.encode()])


class _RtspStream:
    """Messages from a socket, each of a first line, fields and a body."""

    def __init__(self, source: socket.socket) -> None:
        self._socket = source
        self._buffer = bytearray()

    def message(self, frames_to: socket.socket | None = None) -> tuple[list[bytes], bytes]:
        """The lines of a head, and the body; packets that a camera sends before it are forwarded.

        Raises:
            ValueError: it is incomplete, or longer than a message may be.
        """
        while frames_to is not None and self._take(1, keep=True) == b"$":
            size = int.from_bytes(self._take(4, keep=True)[2:], "big")
            frames_to.sendall(self._take(4 + size))
        lines: list[bytes] = []
        while line := self._line():
            lines.append(line)
            if len(lines) > MAX_HEAD_LINES or line.startswith(b"$"):  # where FFmpeg would begin to skip a packet
                raise ValueError("a message with too many lines, or a packet within it")
        if not lines:
            raise ValueError("no message")
        length = _field(lines, b"content-length")
        lines = [line for line in lines if not _is_field(line, b"content-length")]
        if not length:
            return lines, b""
        if not length.isdigit() or len(length) > 7 or int(length) > MAX_BODY:
            raise ValueError("a message of no length that can be")
        return [*lines, b"Content-Length: " + str(int(length)).encode()], self._take(int(length))

    def rest(self) -> bytes:
        """The bytes after the last message."""
        return bytes(self._buffer)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise ValueError("a line that is too long")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.replace(b"\r", b"").replace(b"\0", b"")

    def _take(self, count: int, *, keep: bool = False) -> bytes:
        while len(self._buffer) < count:
            self._fill()
        taken = bytes(self._buffer[:count])
        if not keep:
            del self._buffer[:count]
        return taken

    def _fill(self) -> None:
        piece = self._socket.recv(_AT_ONCE)
        if not piece:
            raise ValueError("hung up")
        self._buffer += piece


def _forward(camera: socket.socket, ffmpeg: socket.socket) -> None:
    """Forward bytes both ways, until one end closes the connection."""
    poll = select.poll()
    ends = {camera.fileno(): (camera, ffmpeg), ffmpeg.fileno(): (ffmpeg, camera)}
    for number in ends:
        poll.register(number, select.POLLIN)
    buffer = bytearray(_AT_ONCE)
    view = memoryview(buffer)
    while True:
        for number, _ in poll.poll():
            source, target = ends[number]
            count = source.recv_into(view)
            if not count:
                return
            target.sendall(view[:count])
            while isinstance(source, ssl.SSLSocket) and source.pending():
                target.sendall(view[: source.recv_into(view)])


def _split(url: str) -> tuple[str, str]:
    """User and host, and what follows them."""
    rest = url.partition("://")[2]
    end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    return rest[:end], rest[end:]


def _joined(lines: list[bytes]) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def _is_field(line: bytes, name: bytes) -> bool:
    return line.lstrip().lower().startswith(name)


def _field(lines: list[bytes], name: bytes) -> bytes:
    """The value of the last field of that name, as FFmpeg takes it; nothing where there is none."""
    found = [line for line in lines[1:] if _is_field(line, name)]
    return found[-1].partition(b":")[2].strip() if found else b""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _unchecked_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # cameras make their own certificates
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
