"""CPU workers: the detector's threads on a CPU. Each computes one picture at a time; all share the weights."""

from __future__ import annotations

import queue
import threading
from typing import Any

import torch

from .job import Job
from .network import Network
from .threads import join_all


class CpuWorkers:
    """Jobs start first in, first out, and a finished one never waits for the next.

    Args:
        network: computes the results.
        count: number of pictures computed in parallel, each on an equal share of torch's threads.
    """

    def __init__(self, network: Network, count: int) -> None:
        self._network = network
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._threads = max(1, torch.get_num_threads() // count)
        self._workers = [threading.Thread(target=self._work, name=f"detector-{n}", daemon=True) for n in range(count)]
        for worker in self._workers:
            worker.start()

    @property
    def depth(self) -> int:
        """The number of workers: one more job would only age in the queue."""
        return len(self._workers)

    def submit(self, job: Job[Any]) -> None:
        self._jobs.put(job)

    def close(self, wait_s: float | None = None) -> None:
        """End the workers and cancel jobs that have not started. May be called twice; see `Detector.close`."""
        if not self._closing.is_set():
            self._closing.set()
            for _ in self._workers:
                self._jobs.put(None)
        join_all(self._workers, wait_s)

    def _work(self) -> None:
        if len(self._workers) > 1:
            torch.set_num_threads(self._threads)  # applies to this thread and later ones, not to the caller's
        while (job := self._jobs.get()) is not None:
            if self._closing.is_set():
                job.ticket.cancel()
            elif (launched := job.launch(self._network)) is not None:
                job.collect(launched)
