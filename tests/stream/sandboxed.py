"""Tries inside the sandbox what a decoder that was taken over would try; prints what was refused, as JSON."""

from __future__ import annotations

import encodings.idna
import errno
import json
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from groundcast.stream.decoder_process import sandbox

_NEEDED_LATER = encodings.idna  # to connect, where nothing can be imported any more


def main() -> None:
    """Name each attempt with its errno, or None where it was let through."""
    own, parent, port = Path(__file__), os.getppid(), int(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as free:
        relay_port: int = free.getsockname()[1]
    if sys.argv[2:] == ["without Landlock"]:
        sandbox.landlock_version = lambda: 0
    sandbox.enter_sandbox([port], relay_port)
    attempts: dict[str, Callable[[], object]] = {
        "read a file": own.read_text,
        "write a file": lambda: own.with_suffix(".new").write_text(""),
        "list a folder": lambda: os.listdir("/"),  # noqa: PTH208  Path would import more
        "open a device": lambda: os.open("/dev/null", os.O_RDONLY),
        "start a program": lambda: os.execv("/bin/true", ["true"]),
        "fork": os.fork,
        "signal the node": lambda: os.kill(parent, 0),
        "open a socket file": lambda: socket.socket(socket.AF_UNIX),
        "speak another protocol": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262),  # MPTCP
        "ping": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
        "send while connecting": lambda: socket.socket().sendto(b"", socket.MSG_FASTOPEN, ("127.0.0.1", port)),
        "change limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9)),
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
        except ValueError:  # which Python makes of EPERM where it is about limits
            refused[what] = errno.EPERM
        except MemoryError:
            refused[what] = "memory"
        except OSError as error:
            refused[what] = error.errno
    print(json.dumps(refused))


if __name__ == "__main__":
    main()
