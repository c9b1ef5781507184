"""Carries out what clients ask for: each client's requests in order, and slow ones out of the others' way."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

Lane = TypeVar("Lane", bound=str)
Job = Callable[[], None]


class Lanes(Generic[Lane]):
    """Threads that do the work, and the lines in which it waits.

    Only the first job of a client's line is with a lane, so a client's jobs never overtake each other, and a client
    who floods the node has one thread busy at most.

    Args:
        threads: how many each lane has.
        most: jobs that may wait or be done, in all.
        most_of_client: of one client.
    """

    def __init__(self, threads: Mapping[Lane, int], most: int, most_of_client: int) -> None:
        self._most = most
        self._most_of_client = most_of_client
        self._lines: dict[bytes, deque[tuple[Lane, Job]]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._turns: dict[Lane, queue.SimpleQueue[bytes | None]] = {lane: queue.SimpleQueue() for lane in threads}
        self._threads = [
            threading.Thread(target=self._work, args=(self._turns[lane],), name=f"control-{lane}", daemon=True)
            for lane, count in threads.items()
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, client: bytes, lane: Lane, job: Job) -> bool:
        """Do this after all that the client asked before, or not at all: False where too much waits already.

        The job must not raise.
        """
        with self._lock:
            line = self._lines.get(client, deque[tuple[Lane, Job]]())
            if self._count >= self._most or len(line) >= self._most_of_client:
                return False
            self._lines[client] = line
            line.append((lane, job))
            self._count += 1
            if len(line) == 1:
                self._turns[lane].put(client)
            return True

    def close(self, wait_s: float) -> None:
        """Begin nothing more, and give what has begun so long to end."""
        with self._lock:
            self._lines.clear()
            self._most = 0
        for turns in self._turns.values():
            for _ in self._threads:
                turns.put(None)
        deadline_s = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _work(self, turns: queue.SimpleQueue[bytes | None]) -> None:
        while (client := turns.get()) is not None:
            with self._lock:
                line = self._lines.get(client)
            if line is not None:
                line[0][1]()
                self._next(client, line)

    def _next(self, client: bytes, line: deque[tuple[Lane, Job]]) -> None:
        with self._lock:
            line.popleft()
            self._count -= 1
            if not line:
                self._lines.pop(client, None)
            elif client in self._lines:
                self._turns[line[0][0]].put(client)
