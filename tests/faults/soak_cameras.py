"""Cameras of a soak that fail in turns: `python -m tests.faults.soak_cameras COUNT SEED`.

Prints their URLs as JSON, with that of a camera that never fails at the end. It serves until standard input ends, then
prints how often each fault was played.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

from ..stream.rtsp_server import Behaviour, Clip, RtspServer
from .camera_process import moving_scene

RATE_HZ = 10
_SOUND_S = (8.0, 30.0)  # between two faults of a camera, least and most


class FaultyCamera:
    """A camera on a port of its own that breaks every now and then, and always comes back."""

    def __init__(self, clips: tuple[Clip, ...], seed: int) -> None:
        self._clips = clips
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self._server = RtspServer(clips[0])
        self.url = self._server.url
        self.played: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> FaultyCamera:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._server.close()

    def _run(self) -> None:
        faults: list[Callable[[], None]] = [
            *(self._vanish, self._come_back_larger, self._fall_silent, self._break_off),
            *(self._damage_pictures, self._let_time_stand, self._refuse),
        ]
        while not self._over.wait(self._dice.uniform(*_SOUND_S)):
            fault = self._dice.choice(faults)
            fault()
            self.played[fault.__name__.removeprefix("_")] += 1

    def _vanish(self) -> None:
        self._away(self._clips[0])

    def _come_back_larger(self) -> None:
        self._away(self._clips[1])

    def _away(self, clip: Clip) -> None:
        self._server.close()
        self._over.wait(self._dice.uniform(1.0, 8.0))
        self._server = RtspServer(clip, port=self._server.port)

    def _break_off(self) -> None:
        self._server.break_connections()

    def _fall_silent(self) -> None:
        self._for_a_while(self._server.behaviour, "silent")

    def _damage_pictures(self) -> None:
        self._for_a_while(self._server.behaviour, "damage")

    def _let_time_stand(self) -> None:
        self._for_a_while(self._server.behaviour, "frozen_time")

    def _refuse(self) -> None:
        self._server.break_connections()
        self._for_a_while(self._server.behaviour, "mute")
        self._server.break_connections()

    def _for_a_while(self, behaviour: Behaviour, fault: str) -> None:
        setattr(behaviour, fault, True)
        self._over.wait(self._dice.uniform(1.0, 8.0))
        setattr(behaviour, fault, False)


def main() -> None:
    """Serve until standard input ends."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    clips = moving_scene(320, 240, RATE_HZ), moving_scene(640, 360, RATE_HZ)
    with ExitStack() as stack:
        cameras = [stack.enter_context(FaultyCamera(clips, seed + number)) for number in range(count)]
        honest = stack.enter_context(RtspServer(clips[0]))
        print(json.dumps([*(camera.url for camera in cameras), honest.url]), flush=True)
        sys.stdin.read()
    print(json.dumps(sum((camera.played for camera in cameras), Counter[str]())), flush=True)


if __name__ == "__main__":
    main()
