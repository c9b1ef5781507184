"""A still 720p camera, and a node that waits for motion in front of it: `python -m tests.stream.motion.waiting_node`.

Given `camera` it is the camera, which prints its URL; given a URL the node, which prints its process id and address.
Both run until standard input ends.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from groundcast.model.prompt import Prompt
from groundcast.stream.options import EventStoreOptions, NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.watch_options import MotionOptions

from ...faults.free_detector import FreeDetector
from ...faults.processes import running
from ..encoded_clips import encode_pictures
from ..rtsp_server import RtspServer

WIDTH, HEIGHT, RATE_HZ = 1280, 720, 25


@contextmanager
def beside(*arguments: str) -> Generator[str]:
    """What such a process prints first."""
    with running("tests.stream.motion.waiting_node", *arguments) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(60)


def still_pictures() -> Iterator[NDArray[np.uint8]]:
    """Two seconds of a quiet yard with the noise of a sensor."""
    random = np.random.default_rng(11)
    coarse = random.integers(60, 190, (HEIGHT // 16, WIDTH // 16, 3)).astype(np.uint8)
    yard = np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.int16)
    for _ in range(2 * RATE_HZ):
        noise = random.integers(-3, 4, (HEIGHT, WIDTH, 1), np.int16)
        yield np.clip(yard + noise, 0, 255).astype(np.uint8)


def run_node(url: str) -> None:
    """A node with the motion gate at its defaults."""
    source = SourceOptions("yard", url, motion=MotionOptions())
    listening = PublisherOptions("tcp://127.0.0.1:*")
    options = NodeOptions("waiting", (source,), publisher=listening, events=EventStoreOptions(None))
    with Publisher(listening, "waiting") as publisher:
        pipeline = Pipeline(options, FreeDetector(), Prompt.parse("fox"), publisher)
        stop = threading.Event()
        thread = threading.Thread(target=pipeline.run, args=(stop,))
        thread.start()
        print(os.getpid(), publisher.address, flush=True)
        sys.stdin.read()
        stop.set()
        thread.join()


def main() -> None:
    """Run until standard input ends."""
    if sys.argv[1] != "camera":
        run_node(sys.argv[1])
        return
    with RtspServer(encode_pictures(still_pictures(), RATE_HZ, RATE_HZ)) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
