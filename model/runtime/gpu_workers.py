"""GPU workers: the detector's threads on a GPU. One launches jobs, one collects results, so that jobs overlap."""

from __future__ import annotations

import queue
import threading
from typing import Any

from .device import computing, within
from .job import Job
from .network import Network
from .network_output import Launched
from .threads import join_all


class GpuWorkers:
    """Jobs run first in, first out: while one computes, the next is uploaded and the previous one is read.

    A finished job never waits for the next: its result has its own event.

    Args:
        network: computes the results.
        depth: maximum of jobs launched but not yet read.
    """

    def __init__(self, network: Network, depth: int) -> None:
        self.depth = depth
        self._network = network
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._launched: queue.SimpleQueue[tuple[Job[Any], Launched] | None] = queue.SimpleQueue()
        self._free = threading.Semaphore(depth)
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._launch, name="detector-launch", daemon=True),
            threading.Thread(target=self._collect, name="detector-collect", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[Any]) -> None:
        self._jobs.put(job)

    def close(self, wait_s: float | None = None) -> None:
        """End both threads; launched jobs are still read, the rest is cancelled. May be called twice.

        See `Detector.close`.
        """
        if not self._closing.is_set():
            self._closing.set()
            self._jobs.put(None)
        join_all(self._threads, wait_s)

    def _launch(self) -> None:
        with within(self._network.device), computing(self._network.device):
            while (job := self._jobs.get()) is not None:
                self._free.acquire()  # until then the job can be cancelled
                if self._closing.is_set():
                    job.ticket.cancel()
                if (launched := job.launch(self._network)) is None:
                    self._free.release()
                else:
                    self._launched.put((job, launched))
        self._launched.put(None)

    def _collect(self) -> None:
        with within(self._network.device):
            while (item := self._launched.get()) is not None:
                job, launched = item
                job.collect(launched)
                self._free.release()
