"""A reader that takes one message a second, pictures too: `python -m tests.faults.slow_reader ADDRESS`.

Says "there" after its first message.
"""

from __future__ import annotations

import sys
import time

from groundcast.stream.subscriber import Subscriber


def main() -> None:
    """Dawdle until killed."""
    with Subscriber(sys.argv[1], newest_only=False, pictures=True) as subscriber:
        for number, _ in enumerate(subscriber):
            if number == 0:
                print("there", flush=True)
            time.sleep(1.0)


if __name__ == "__main__":
    main()
