"""A web server that takes events, and can be told to fail, to hang, to end and to start again on its port."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Answer = Callable[[bytes], int]


class WebhookServer:
    """Takes POST requests.

    Args:
        answer: the status for a body; 200 for all without it.
        tls: serves https.

    Attributes:
        bodies: those that were answered with 200, in order.
        headers: of the last request.
    """

    def __init__(self, answer: Answer = lambda _: 200, tls: ssl.SSLContext | None = None) -> None:
        self.bodies: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.tries = 0
        self._answer, self._tls = answer, tls
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hooks/token-5f2c?key=hunter2"

    def start(self) -> None:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 0.2  # so that a connection that is kept does not outlive the server

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ours.tries += 1
                ours.headers = dict(self.headers)
                status = ours._answer(body)
                if status == 200:
                    ours.bodies.append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = False

            def handle_error(self, request: object, client_address: object) -> None: ...

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def restart(self, pause_s: float = 0.2) -> None:
        self.stop()
        time.sleep(pause_s)
        self.start()

    def __enter__(self) -> WebhookServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
