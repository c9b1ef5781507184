"""Request executor: thread pools that carry out each client's requests in order, slow ones in pools of their own."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

Pool = TypeVar("Pool", bound=str)
Job = Callable[[], "Waits | None"]


class Waits(NamedTuple):
    """What a job returns if it must wait for a future; no thread is blocked meanwhile.

    Args:
        ready: the job goes on when this is done or cancelled.
        then: the rest of the job, for the same pool.
    """

    ready: Future[Any]
    then: Job


class _QueuedRequest(NamedTuple):
    pool: str
    user: str
    job: Job


class RequestExecutor(Generic[Pool]):
    """Thread pools, and a queue of jobs for each client.

    Only the first job of a client's queue is given to a pool. So a client's jobs never overtake each other, and a
    client that floods the node keeps at most one thread busy. A user with at most one job can still add one when
    others have used up `max_jobs`.

    Args:
        threads: how many each pool has.
        max_jobs: queued and running, in all; twice that for a user with at most one job.
        max_of_client: of one connection.
        max_of_user: of all connections of one user.
    """

    def __init__(self, threads: Mapping[Pool, int], max_jobs: int, max_of_client: int, max_of_user: int) -> None:
        self._max_jobs = max_jobs
        self._max_of_client = max_of_client
        self._max_of_user = max_of_user
        self._queues: dict[bytes, deque[_QueuedRequest]] = {}
        self._of_user = Counter[str]()
        self._count = 0
        self._lock = threading.Lock()
        self._ready: dict[str, queue.SimpleQueue[bytes | None]] = {pool: queue.SimpleQueue() for pool in threads}
        self._threads = [
            threading.Thread(target=self._work, args=(self._ready[pool],), name=f"control-{pool}", daemon=True)
            for pool, count in threads.items()
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, client: bytes, user: str, pool: Pool, job: Job) -> bool:
        """Queue a job behind the client's others; False, and nothing is queued, where a limit is reached.

        The job must not raise.
        """
        with self._lock:
            jobs = self._queues.get(client, deque[_QueuedRequest]())
            of_user = self._of_user[user]
            max_jobs = self._max_jobs if of_user > 1 else 2 * self._max_jobs  # one may be answered and still count
            if self._count >= max_jobs or of_user >= self._max_of_user or len(jobs) >= self._max_of_client:
                return False
            self._queues[client] = jobs
            jobs.append(_QueuedRequest(pool, user, job))
            self._of_user[user] += 1
            self._count += 1
            if len(jobs) == 1:
                self._ready[pool].put(client)
            return True

    def close(self, wait_s: float) -> None:
        """Begin no more jobs, and wait so long for those that run."""
        with self._lock:
            self._queues.clear()
            self._max_jobs = 0
        for ready_clients in self._ready.values():
            for _ in self._threads:
                ready_clients.put(None)
        deadline_s = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _work(self, ready_clients: queue.SimpleQueue[bytes | None]) -> None:
        while (client := ready_clients.get()) is not None:
            with self._lock:
                jobs = self._queues.get(client)
            if jobs is None:
                continue
            if (waiting := jobs[0].job()) is None:
                self._finish(client, jobs)
            else:
                self._resume_later(client, jobs, waiting)

    def _resume_later(self, client: bytes, jobs: deque[_QueuedRequest], waiting: Waits) -> None:
        jobs[0] = jobs[0]._replace(job=waiting.then)
        ready_clients = self._ready[jobs[0].pool]
        waiting.ready.add_done_callback(lambda _: ready_clients.put(client))

    def _finish(self, client: bytes, jobs: deque[_QueuedRequest]) -> None:
        with self._lock:
            user = jobs.popleft().user
            self._count -= 1
            self._of_user[user] -= 1
            if not self._of_user[user]:
                del self._of_user[user]
            if not jobs:
                self._queues.pop(client, None)
            elif client in self._queues:
                self._ready[jobs[0].pool].put(client)
