"""A decoder process that was taken over: lies as the name of its source tells, whatever it is asked."""

from __future__ import annotations

import mmap
import os
import socket
import sys
import time

from groundcast.stream.decode.opened_source import StreamFacts
from groundcast.stream.decoder_process.messages import Opened, opened_values, pack_report
from groundcast.stream.decoder_process.sandbox import enter_sandbox
from groundcast.stream.timing.liveness import Liveness
from groundcast.stream.wire.message_fields import Fields
from groundcast.stream.wire.packing import unpack

FACTS = StreamFacts(live=True, dated=True, container="rtsp", codec="h264", rate_hz=25.0)
PICTURE: dict[str, object] = {
    "pts": 0,
    "time_base": [1, 90000],
    "camera_unix_ns": None,
    "received_ns": 0,
    "image": "made",
    "size": [4, 4],
}


def main() -> None:
    """Open at once, then lie."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(pack_report("ready", text=None))
    order = Fields(unpack(channel.recv(65536)))
    lie = order.fields("options").text("name")
    if lie == "garbage":
        channel.send(os.urandom(60_000))
    now_ns = time.monotonic_ns()
    pulse = Liveness(now_ns, now_ns)
    channel.send(pack_report("opened", pulse, **opened_values(Opened(FACTS, 25.0, 0.0))))
    if lie == "flood":
        while True:
            channel.send(pack_report("pulse", pulse, waits=False))
    if lie == "memory":
        enter_sandbox([], 0)
        hoard = [mmap.mmap(-1, 2**26)]
        while True:
            hoard.append(mmap.mmap(-1, 2**26))
    while lie in ("loop", "spin"):
        pass
    for _ in range(3):
        channel.send(pack_report("picture", pulse, **PICTURE))
        channel.recv(65536)
    channel.send(pack_report("picture", pulse, **PICTURE | {"size": [2**31, 2**31]}))
    time.sleep(60.0)


if __name__ == "__main__":
    main()
