"""Cameras that a red square visits: `python -m tests.stream.clips.visited_cameras COUNT`.

Prints their URLs as JSON and serves until standard input ends. Each camera's four seconds have two visits, at different
places, so that each is an object of its own.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from ...faults.processes import running
from ..encoded_clips import encode_pictures
from ..rtsp_server import RtspServer

WIDTH, HEIGHT, RATE_HZ = 640, 360, 15
LOOP_S, VISIT_S = 4.0, 0.8
VISITS = ((1.0, 60), (3.0, 480))  # second of the loop, and px from the left
EVENTS_PER_S = len(VISITS) / LOOP_S  # of one camera
SIDE = 80


@contextmanager
def visited_cameras(count: int) -> Generator[list[str]]:
    """The URLs of so many cameras that run beside us."""
    with running("tests.stream.clips.visited_cameras", str(count)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(60)


def pictures() -> Iterator[NDArray[np.uint8]]:
    """A textured wall with grain, and the square while it is there."""
    random = np.random.default_rng(5)
    coarse = random.integers(60, 190, (HEIGHT // 16, WIDTH // 16, 1)).astype(np.uint8)
    wall = np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.int16)
    for number in range(int(LOOP_S * RATE_HZ)):
        image = np.clip(wall[..., None] + random.integers(-6, 7, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
        for begin_s, left in VISITS:
            if begin_s <= number / RATE_HZ < begin_s + VISIT_S:
                image[140 : 140 + SIDE, left : left + SIDE] = (220, 30, 30)
        yield image


def main() -> None:
    """Serve until standard input ends."""
    clip = encode_pictures(pictures(), RATE_HZ, RATE_HZ)
    with ExitStack() as stack:
        servers = [stack.enter_context(RtspServer(clip)) for _ in range(int(sys.argv[1]))]
        print(json.dumps([server.url for server in servers]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
