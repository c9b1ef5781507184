"""The least that a program which reads cameras can do: `python -m tests.faults.bare_loop WARM_UP_S SECONDS URL...`.

One thread a camera decodes with PyAV and makes RGB of each picture. Prints the ages of all pictures, ms, as JSON.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import struct
import sys
import threading
import time

import av


def read(url: str, warm_up_s: float, seconds: float, ages_ms: list[float]) -> None:
    """Note how old each picture is once it is RGB; the camera's sender reports say when it was taken."""
    options = {"rtsp_transport": "tcp", "allowed_media_types": "video", "fpsprobesize": "0", "probesize": "32"}
    with av.open(url, options=options, timeout=(5.0, 5.0)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "SLICE"
        begin_s = 0.0
        for packet in container.demux(stream):
            for frame in stream.decode(packet):
                frame.to_ndarray(format="rgb24")
                now_s, now_ns = time.monotonic(), time.time_ns()
                begin_s = begin_s or now_s + warm_up_s
                if now_s >= begin_s + seconds:
                    return
                if now_s >= begin_s and packet.has_sidedata("prft"):
                    (unix_us,) = struct.unpack_from("<q", bytes(packet.get_sidedata("prft")))
                    ages_ms.append(now_ns / 1e6 - unix_us / 1e3)


def main() -> None:
    """Read all cameras side by side."""
    warm_up_s, seconds = float(sys.argv[1]), float(sys.argv[2])
    ages_ms: list[float] = []
    threads = [threading.Thread(target=read, args=(url, warm_up_s, seconds, ages_ms)) for url in sys.argv[3:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(ages_ms))


if __name__ == "__main__":
    main()
