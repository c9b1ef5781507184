"""An HTTP camera that sends what costs its reader as much as can be."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import ClassVar

from groundcast.stream.decode.decoder_limits import MAX_ALLOCATION

from .jpegs import hidden_jpeg, huge_jpeg, progressive_jpeg


@contextmanager
def hostile_camera() -> Generator[str]:
    """The address of such a camera: /huge, /hidden, /scans, /endless, /pictureless and, for comparison, /good."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Camera(http.server.BaseHTTPRequestHandler):
    """Sends the same part again and again, or one without an end."""

    parts: ClassVar[dict[str, bytes]] = {
        "/huge": huge_jpeg(),
        "/scans": progressive_jpeg(3000),
        "/good": progressive_jpeg(),
    }

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        with suppress(OSError):
            if self.path == "/endless":
                self._send_without_end()
                return
            while True:
                if self.path == "/pictureless":
                    self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n\r\n\r\n" * 100)
                    time.sleep(0.05)
                    continue
                part = hidden_jpeg() if self.path == "/hidden" else self.parts[self.path]
                self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n\r\n" + part + b"\r\n")
                time.sleep(0.05)

    def _send_without_end(self) -> None:
        part = b"--next\r\nContent-Type: image/jpeg\r\n\r\n" + self.parts["/good"]
        self.wfile.write(part + b"\r\n" + part[:-2])
        piece = bytes(2**20)
        for _ in range(3 * MAX_ALLOCATION // len(piece)):
            self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
