# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""Training in several processes that share their gradients."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn


@dataclass(frozen=True, slots=True)
class Worker:
    """One of `count` processes that train the same model on different batches."""

    rank: int = 0
    count: int = 1

    def share_gradients(self, model: nn.Module) -> None:
        """Put the mean over all workers in every gradient; one message for all of them."""
        if self.count == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        self._mean(gradients)

    def share_statistics(self, model: nn.Module) -> None:
        """The same for running statistics (batch norm), which no gradient moves."""
        statistics = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        if self.count > 1 and statistics:
            self._mean(statistics)

    def _mean(self, tensors: list[torch.Tensor]) -> None:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


def run_workers(job: Callable[[Worker], None], count: int) -> None:
    """Run `job` in `count` processes (this one where it is 1), each on its share of the cores.

    A small model on few cores learns faster in processes of one thread than in one process of many:
    threads meet after every operation, processes once a step.

    Raises:
        torch.multiprocessing.ProcessRaisedException: a worker failed; the others are ended.
    """
    if count == 1:
        job(Worker())
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    spawn(_work, args=(job, count, port), nprocs=count)


def _work(rank: int, job: Callable[[Worker], None], count: int, port: int) -> None:
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // count))
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=count)
    try:
        job(Worker(rank, count))
    finally:
        dist.destroy_process_group()
