"""The detector's threads on a CPU: each lane answers a picture of its own; all share the weights."""

from __future__ import annotations

import queue
import threading
from typing import Any

import torch

from .job import Job
from .network import Network
from .threads import join_all


class CpuWorkers:
    """Jobs begin first in, first out, and a finished one never waits for the next.

    Args:
        network: answers.
        count: pictures that are computed side by side, each on its share of torch's threads.
    """

    def __init__(self, network: Network, count: int) -> None:
        self._network = network
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._threads = max(1, torch.get_num_threads() // count)
        self._lanes = [threading.Thread(target=self._work, name=f"detector-{n}", daemon=True) for n in range(count)]
        for lane in self._lanes:
            lane.start()

    @property
    def depth(self) -> int:
        """As many as there are lanes: one more in flight would only grow old in the queue."""
        return len(self._lanes)

    def submit(self, job: Job[Any]) -> None:
        self._jobs.put(job)

    def close(self, wait_s: float | None = None) -> None:
        """End the lanes; what has not begun is cancelled. May be called twice; see `Detector.close`."""
        if not self._closing.is_set():
            self._closing.set()
            for _ in self._lanes:
                self._jobs.put(None)
        join_all(self._lanes, wait_s)

    def _work(self) -> None:
        if len(self._lanes) > 1:
            torch.set_num_threads(self._threads)  # of this thread and those begun later; the caller's stays
        while (job := self._jobs.get()) is not None:
            if self._closing.is_set():
                job.ticket.cancel()
            elif (launched := job.launch(self._network)) is not None:
                job.collect(launched)
