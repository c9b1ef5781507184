"""Cameras of a soak that attack the node: `python -m tests.faults.soak_hostiles PUSH_ADDRESS KEYS`.

Prints their URLs by name as JSON and serves until standard input ends. Then it prints how many connections came to the
hosts to which two of them redirect, which must stay 0.
"""

from __future__ import annotations

import http.server
import json
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import zmq

from groundcast.stream.sockets.client_socket import ClientSocket
from groundcast.stream.wire.push_message import PushHeader, pack_push

from ..stream.hostile_camera import hostile_camera
from ..stream.jpegs import progressive_jpeg
from ..stream.rtsp_server import Behaviour, RtspServer
from .camera_process import moving_scene

HTTP_ATTACKS = ("huge", "scans", "endless", "pictureless")
_OTHER_HOST = "127.0.0.2"
_PUSH_EVERY_S = 1.0
_PUSHED_SCANS = 20_000


class OtherHost:
    """A listener on another address of this machine, which counts who comes."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server((_OTHER_HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._count)

    def __enter__(self) -> OtherHost:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _count(self) -> None:
        with suppress(OSError):
            while True:
                self._listener.accept()[0].close()
                self.connections += 1


@contextmanager
def _redirecting_camera(target: str) -> Generator[str]:
    """An HTTP camera that redirects each request to `target`."""

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/live"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _pushing(address: str, keys: Path) -> Generator[None]:
    """Pushes a JPEG of very many scans every second, as a client that may push."""
    over = threading.Event()

    def push() -> None:
        header, jpeg = pack_push(PushHeader("jpeg", 64, 48)), progressive_jpeg(_PUSHED_SCANS)
        sender = ClientSocket(zmq.PUSH, {zmq.LINGER: 0}, address, keys)
        while not over.wait(_PUSH_EVERY_S):
            sender.maintain()
            with suppress(zmq.Again):
                sender.socket.send_multipart([header, jpeg], zmq.NOBLOCK)
        sender.close()

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> None:
    """Attack until standard input ends."""
    clip = moving_scene(320, 240, 10)
    with ExitStack() as stack:
        other = stack.enter_context(OtherHost())
        http_url = stack.enter_context(hostile_camera())
        moved = Behaviour(status=302, location=f"rtsp://{_OTHER_HOST}:{other.port}/live")
        urls = {
            **{name: f"{http_url}/{name}" for name in HTTP_ATTACKS},
            "latin": stack.enter_context(RtspServer(clip, behaviour=Behaviour(session="Büro"))).url,
            "moved-rtsp": stack.enter_context(RtspServer(clip, behaviour=moved)).url,
            "moved-http": stack.enter_context(_redirecting_camera(f"http://{_OTHER_HOST}:{other.port}/live")),
            "pushed": f"push:{sys.argv[1]}",
        }
        stack.enter_context(_pushing(sys.argv[1], Path(sys.argv[2])))
        print(json.dumps(urls), flush=True)
        sys.stdin.read()
        print(json.dumps({"connections_elsewhere": other.connections}), flush=True)


if __name__ == "__main__":
    main()
