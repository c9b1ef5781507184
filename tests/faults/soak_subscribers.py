"""Subscribers of a soak: one that takes everything, a slow one, and some that come and go."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import DetectionMessage, StatusMessage


class SoakSubscribers:
    """Threads that listen until the block ends.

    Args:
        address: where the node publishes.
        keys: of an honest client.
        timed: the source whose messages are timed.
        seed: decides who comes when.

    Attributes:
        messages: of each source, as the subscriber that takes everything counts them.
        arrived_s: monotonic; each message of the source `timed`.
        gaps: messages that this subscriber missed.
        states: how often each state was reported, over all sources.
        failed: the sources that were ever reported as failed.
        visits: how many subscribers came and went.
    """

    def __init__(self, address: str, keys: Path, timed: str, seed: int) -> None:
        self.messages: Counter[str] = Counter()
        self.arrived_s: list[float] = []
        self.gaps = 0
        self.states: Counter[str] = Counter()
        self.failed: set[str] = set()
        self.visits = 0
        self._address = address
        self._keys = keys
        self._timed = timed
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work) for work in (self._take_everything, self._take_slowly, self._visit)
        ]

    def __enter__(self) -> SoakSubscribers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _take_everything(self) -> None:
        with self._subscriber(newest_only=False, on_status=True) as subscriber:
            while (message := self._next(subscriber)) is not None or not self._over.is_set():
                if message is not None:
                    self.messages[message.source] += 1
                    if message.source == self._timed:
                        self.arrived_s.append(time.monotonic())
            self.gaps = subscriber.gaps

    def _take_slowly(self) -> None:
        with self._subscriber(newest_only=False) as subscriber:
            while not self._over.wait(1.0):
                self._next(subscriber)

    def _visit(self) -> None:
        while not self._over.wait(self._dice.uniform(1.0, 10.0)):
            self.visits += 1
            with self._subscriber(pictures=self.visits % 2 == 0) as subscriber:
                end_s = time.monotonic() + self._dice.uniform(0.0, 10.0)
                while time.monotonic() < end_s and not self._over.is_set():
                    self._next(subscriber)

    def _subscriber(self, *, newest_only: bool = True, pictures: bool = False, on_status: bool = False) -> Subscriber:
        return Subscriber(
            self._address,
            newest_only=newest_only,
            pictures=pictures,
            timeout_s=0.5,
            keys=self._keys,
            on_status=self._count_state if on_status else None,
        )

    def _next(self, subscriber: Subscriber) -> DetectionMessage | None:
        if self._over.is_set():
            return None
        try:
            return next(subscriber, None)
        except TimeoutError:
            return None

    def _count_state(self, status: StatusMessage) -> None:
        self.states[status.state] += 1
        if status.state == "failed":
            self.failed.add(status.source)
