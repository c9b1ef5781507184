"""Client of a soak's control socket, which changes something every few seconds."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from groundcast.model.tabletop.clip_truth import CLIP_PATH
from groundcast.stream.controller import Controller

PROMPTS = ("red cube . green cube", "red object . blue ball", "mug . can . bottle")
_EVERY_S = (0.5, 5.0)
_ANSWER_S = 20.0


class Commander:
    """A thread that commands until it is let go; a command that fails is a complaint."""

    def __init__(self, address: str, keys: Path, cameras: int, target_hz: float, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._address = address
        self._keys = keys
        self._target_hz = target_hz
        self._cameras = [f"cam{number}" for number in range(cameras)]
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._command)

    def __enter__(self) -> Commander:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _command(self) -> None:
        deeds: list[Callable[[Controller], None]] = [
            *(self._change_prompt, self._lease, self._add_and_remove, self._pause_and_resume, self._look, self._limit)
        ]
        with Controller(self._address, _ANSWER_S, keys=self._keys) as node:
            while not self._over.wait(self._dice.uniform(*_EVERY_S)):
                deed = self._dice.choice(deeds)
                try:
                    deed(node)
                except (RuntimeError, OSError) as error:
                    self.failed[f"{deed.__name__}: {error}"] += 1
                self.done[deed.__name__.removeprefix("_")] += 1

    def _change_prompt(self, node: Controller) -> None:
        node.set_prompt(self._dice.choice(PROMPTS), self._dice.choice([None, *self._cameras]))

    def _lease(self, node: Controller) -> None:
        with node.ask("yellow ring", seconds=5.0):
            self._over.wait(2.0)

    def _add_and_remove(self, node: Controller) -> None:
        clip = {"url": str(CLIP_PATH), "pace": "realtime", "loop": True, "target_hz": self._target_hz}
        try:
            node.add_source({"name": "guest", **clip})
            self._over.wait(2.0)
        finally:
            node.remove_source("guest")

    def _pause_and_resume(self, node: Controller) -> None:
        camera = self._dice.choice(self._cameras)
        node.pause(camera)
        self._over.wait(1.0)
        node.resume(camera)

    def _look(self, node: Controller) -> None:
        running = [status.source for status in node.status().sources if status.state == "running"]
        if running:
            began_s = time.monotonic()
            try:
                node.picture(running[0], timeout_s=5.0)
            except RuntimeError:  # its camera may have failed just then
                if time.monotonic() - began_s > 10.0:
                    raise

    def _limit(self, node: Controller) -> None:
        camera = self._dice.choice(self._cameras)
        node.update_source({"name": camera, "target_hz": self._target_hz * self._dice.choice([0.5, 1.0, 2.0])})
