"""Simulated cameras for `bench node`: a clip, served over HTTP in real time, from its start for each reader.

Run as a process of its own, `python -m groundcast.launch.bench.cameras CLIP`, it prints its port.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
import time
from contextlib import suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

_FPS = 30
_SECONDS = 10
_THINGS = 12
_TICKS = 90_000  # of an MPEG transport stream's clock, a second
_FIRST_WAIT_S = 0.2  # so that a reader has data while it opens


def make_clip(path: Path, width: int, height: int, seconds: int = _SECONDS) -> Path:
    """An H.264 clip, 30 frames a second, of coloured boxes on a noisy picture; an existing one is kept."""
    if path.is_file():
        return path
    random = np.random.default_rng(0)
    noise = random.integers(90, 140, (height, width, 3), np.uint8)
    colours = random.integers(0, 256, (_THINGS, 3), np.uint8)
    sides = random.integers(height // 12, height // 5, _THINGS)
    places, speeds = random.random((_THINGS, 2)), random.normal(0.0, 0.1, (_THINGS, 2))
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "veryfast", "g": "30", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(_FPS * seconds):
            picture = noise.copy()
            moved = np.abs((places + speeds * index / _FPS) % 2.0 - 1.0)  # reflected at the edges
            for colour, side, (x, y) in zip(colours, sides, moved, strict=True):
                left, top = int(x * (width - side)), int(y * (height - side))
                picture[top : top + side, left : left + side] = colour
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    part.replace(path)
    return path


def serve(clip: Path) -> ThreadingHTTPServer:
    """A server on loopback; any path is a camera."""

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            try:
                _send(clip, self.wfile)
            except (OSError, FFmpegError):  # the reader has disconnected
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    return server


def _send(clip: Path, to: Any) -> None:
    """The clip in a loop with continuous timestamps, each picture when it is due."""
    with av.open(str(clip)) as source, av.open(to, "w", format="mpegts", options={"flush_packets": "1"}) as out:
        video = source.streams.video[0]
        stream = out.add_stream_from_template(video)
        began_s, sent = time.monotonic() - _FIRST_WAIT_S, 0
        while True:
            source.seek(0)
            for packet in source.demux(video):
                if packet.dts is None:
                    continue
                packet.time_base = Fraction(1, _TICKS)
                packet.pts = packet.dts = sent * (_TICKS // _FPS)
                packet.stream = stream
                time.sleep(max(0.0, began_s + sent / _FPS - time.monotonic()))
                out.mux(packet)
                sent += 1


def main() -> None:
    """Serve until the process is ended."""
    server = serve(Path(sys.argv[1]))
    print(server.server_port, flush=True)
    with suppress(KeyboardInterrupt):  # from the terminal, which the benchmark gets too
        server.serve_forever()


if __name__ == "__main__":
    main()
