"""A node as `groundcast run` runs it, which may be told to leak.

`python -m tests.faults.soak_node SETTINGS MB_PER_HOUR`
"""

from __future__ import annotations

import os
import sys
import threading
import time

from groundcast.launch import cli

_EVERY_S = 2.0


def leak(mb_per_hour: float) -> None:
    """Keep a little more every two seconds, and never let go of it."""
    kept: list[bytes] = []
    while True:
        time.sleep(_EVERY_S)
        kept.append(os.urandom(round(mb_per_hour * 1e6 / 3600 * _EVERY_S)))


def main() -> None:
    """Run the node in this very process."""
    settings, mb_per_hour = sys.argv[1], float(sys.argv[2])
    if mb_per_hour:
        threading.Thread(target=leak, args=(mb_per_hour,), daemon=True).start()
    sys.argv = ["groundcast", "run", settings, "--json"]
    cli.main()


if __name__ == "__main__":
    main()
