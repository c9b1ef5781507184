"""Carries out what clients ask for: each client's requests in order, and slow ones out of the others' way."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

Lane = TypeVar("Lane", bound=str)
Job = Callable[[], "Waits | None"]


class Waits(NamedTuple):
    """What a job returns that needs something which is not there yet; no thread waits with it.

    Args:
        ready: is done, or cancelled, when it is there.
        then: the rest of the job, for the same lane.
    """

    ready: Future[Any]
    then: Job


class _QueuedRequest(NamedTuple):
    lane: str
    user: str
    job: Job


class RequestExecutor(Generic[Lane]):
    """Threads that do the work, and the lines in which it waits.

    Only the first job of a client's line is with a lane, so a client's jobs never overtake each other, and a client
    who floods the node has one thread busy at most. Users with no more than one job find room when others have taken
    all the rest.

    Args:
        threads: how many each lane has.
        most: jobs that may wait or be done, in all; and as many again, of users that have hardly any.
        most_of_client: of one connection.
        most_of_user: of all connections of one user.
    """

    def __init__(self, threads: Mapping[Lane, int], most: int, most_of_client: int, most_of_user: int) -> None:
        self._most = most
        self._most_of_client = most_of_client
        self._most_of_user = most_of_user
        self._lines: dict[bytes, deque[_QueuedRequest]] = {}
        self._of_user = Counter[str]()
        self._count = 0
        self._lock = threading.Lock()
        self._turns: dict[str, queue.SimpleQueue[bytes | None]] = {lane: queue.SimpleQueue() for lane in threads}
        self._threads = [
            threading.Thread(target=self._work, args=(self._turns[lane],), name=f"control-{lane}", daemon=True)
            for lane, count in threads.items()
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, client: bytes, user: str, lane: Lane, job: Job) -> bool:
        """Do this after all that the client asked before, or not at all: False where too much waits already.

        The job must not raise.
        """
        with self._lock:
            line = self._lines.get(client, deque[_QueuedRequest]())
            of_user = self._of_user[user]
            most = self._most if of_user > 1 else 2 * self._most  # one may be answered, and not yet be over
            if self._count >= most or of_user >= self._most_of_user or len(line) >= self._most_of_client:
                return False
            self._lines[client] = line
            line.append(_QueuedRequest(lane, user, job))
            self._of_user[user] += 1
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
            if line is None:
                continue
            if (waits := line[0].job()) is None:
                self._next(client, line)
            else:
                self._set_aside(client, line, waits)

    def _set_aside(self, client: bytes, line: deque[_QueuedRequest], waits: Waits) -> None:
        line[0] = line[0]._replace(job=waits.then)
        turns = self._turns[line[0].lane]
        waits.ready.add_done_callback(lambda _: turns.put(client))

    def _next(self, client: bytes, line: deque[_QueuedRequest]) -> None:
        with self._lock:
            user = line.popleft().user
            self._count -= 1
            self._of_user[user] -= 1
            if not self._of_user[user]:
                del self._of_user[user]
            if not line:
                self._lines.pop(client, None)
            elif client in self._lines:
                self._turns[line[0].lane].put(client)
