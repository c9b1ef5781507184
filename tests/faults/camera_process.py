"""Cameras in a process of their own: `python -m tests.faults.camera_process COUNT WIDTH HEIGHT RATE_HZ`.

Prints their URLs as JSON and serves until standard input ends.
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

from ..stream.encoded_clips import Clip, Codec, encode_pictures
from ..stream.rtsp_server import RtspServer
from .processes import running

_SECONDS = 2


@contextmanager
def cameras(count: int, width: int, height: int, rate_hz: int) -> Generator[list[str]]:
    """The URLs of so many cameras that run beside us."""
    with running("tests.faults.camera_process", *map(str, (count, width, height, rate_hz))) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(10)


def moving_scene(width: int, height: int, rate_hz: int, codec: Codec = "h264") -> Clip:
    """A textured floor that drifts, and a red and a green square on it: as hard to decode as a quiet room."""
    return encode_pictures(moving_pictures(width, height, _SECONDS * rate_hz), rate_hz, rate_hz, codec)


def moving_pictures(width: int, height: int, count: int) -> Iterator[NDArray[np.uint8]]:
    coarse = np.random.default_rng(3).integers(60, 190, (height // 16 + 4, width // 16 + 4, 3)).astype(np.uint8)
    floor = np.asarray(cv2.resize(coarse, (width + 64, height + 64), interpolation=cv2.INTER_CUBIC), np.uint8)
    for number in range(count):
        drift = round(24 + 24 * np.sin(2 * np.pi * number / count))
        image = floor[drift : drift + height, drift : drift + width].copy()
        left = round((0.1 + 0.6 * number / count) * width)
        image[height // 4 : height // 2, left : left + width // 8] = (220, 30, 30)
        image[height // 2 : 3 * height // 4, width - left - width // 8 : width - left] = (30, 200, 30)
        yield image


def main() -> None:
    """Serve until standard input ends."""
    count, width, height, rate_hz = map(int, sys.argv[1:5])
    clip = moving_scene(width, height, rate_hz)
    with ExitStack() as stack:
        servers = [stack.enter_context(RtspServer(clip)) for _ in range(count)]
        print(json.dumps([server.url for server in servers]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
