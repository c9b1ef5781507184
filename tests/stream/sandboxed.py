"""Tries inside the sandbox what a decoder that was taken over would try; prints what was refused, as JSON."""

from __future__ import annotations

import encodings.idna
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from groundcast.stream.decoder_process.sandbox import enter_sandbox

_NEEDED_LATER = encodings.idna  # to connect, where nothing can be imported any more


def main() -> None:
    """Name each attempt with its errno, or None where it was let through."""
    own, parent, port = Path(__file__), os.getppid(), int(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as free:
        relay_port: int = free.getsockname()[1]
    enter_sandbox([port], relay_port)
    attempts: dict[str, Callable[[], object]] = {
        "read a file": own.read_text,
        "write a file": lambda: own.with_suffix(".new").write_text(""),
        "list a folder": lambda: os.listdir("/"),  # noqa: PTH208  Path would import more
        "open a device": lambda: os.open("/dev/null", os.O_RDONLY),
        "start a program": lambda: os.execv("/bin/true", ["true"]),
        "fork": os.fork,
        "signal the node": lambda: os.kill(parent, 0),
        "open a socket file": lambda: socket.socket(socket.AF_UNIX),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "connect elsewhere": lambda: socket.create_connection(("127.0.0.1", 9)),
        "take memory": lambda: bytearray(3 * 2**30),
        "connect to the camera": lambda: socket.create_connection(("127.0.0.1", port)),
        "listen for the relay": lambda: socket.create_server(("127.0.0.1", relay_port)),
        "start a thread": lambda: threading.Thread(target=int).start(),
    }
    refused: dict[str, object] = {}
    for what, attempt in attempts.items():
        try:
            attempt()
            refused[what] = None
        except MemoryError:
            refused[what] = "memory"
        except OSError as error:
            refused[what] = error.errno
    print(json.dumps(refused))


if __name__ == "__main__":
    main()
