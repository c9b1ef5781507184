"""A client that asks a node for its status and a picture each second.

`python -m tests.faults.asking_client ADDRESS SOURCE` runs until standard input ends, then prints how many seconds each
answer took, as JSON. A refusal ends it with an error.
"""

from __future__ import annotations

import json
import select
import sys
import time

from groundcast.stream.controller import Controller

_EVERY_S = 1.0


def main() -> None:
    """Ask."""
    took_s: list[float] = []
    with Controller(sys.argv[1], timeout_s=30.0) as node:
        while not select.select([sys.stdin], [], [], _EVERY_S)[0]:
            began_s = time.monotonic()
            node.status()
            took_s.append(round(time.monotonic() - began_s, 3))
            began_s = time.monotonic()
            node.picture(sys.argv[2], timeout_s=10.0)  # as long as a node lets it wait
            took_s.append(round(time.monotonic() - began_s, 3))
    print(json.dumps(took_s))


if __name__ == "__main__":
    main()
