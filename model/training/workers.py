"""Training workers: processes that average their gradients."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.queues import SimpleQueue

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing import get_context
from torch.multiprocessing.spawn import ProcessRaisedException, spawn

from .optimiser import TrainingError

_MESSAGE = 8 * 2**20  # numbers


@dataclass(frozen=True, slots=True)
class Worker:
    """One of `count` processes that train the same model on different batches."""

    rank: int = 0
    count: int = 1

    def share_gradients(self, model: nn.Module) -> None:
        """Average every gradient over all workers; a missing gradient counts as zero."""
        if self.count == 1:
            return
        learning = [p for p in model.parameters() if p.requires_grad]
        for parameter in learning:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._mean([p.grad for p in learning if p.grad is not None])

    def share_statistics(self, model: nn.Module) -> None:
        """Average the running statistics (batch norm) over all workers."""
        if self.count > 1:
            self._mean([buffer for buffer in model.buffers() if buffer.is_floating_point()])

    def share_weights(self, model: nn.Module) -> None:
        """Copy the first worker's weights and statistics to all workers."""
        if self.count > 1:
            for tensor in (*model.parameters(), *model.buffers()):
                dist.broadcast(tensor.detach(), 0)

    def mean(self, value: float) -> float:
        """The mean of a number over all workers."""
        number = torch.tensor([value], dtype=torch.float64)
        if self.count > 1:
            self._mean([number])
        return float(number)

    def _mean(self, tensors: list[torch.Tensor]) -> None:
        """Average in messages of a few MiB: one per tensor would be slow, one for all would double the memory."""
        together: list[torch.Tensor] = []
        for row, tensor in enumerate(tensors):
            together.append(tensor)
            last = row == len(tensors) - 1
            if last or sum(one.numel() for one in together) >= _MESSAGE:
                flat = torch.cat([one.flatten() for one in together])
                dist.all_reduce(flat)
                flat /= self.count
                for one, part in zip(together, flat.split([one.numel() for one in together]), strict=True):
                    one.copy_(part.view_as(one))
                together = []


@contextmanager
def launched_worker() -> Generator[Worker]:
    """This process as a worker of a launcher such as `torchrun`, by its environment variables.

    GPU tensors are exchanged over NCCL, others over gloo.
    """
    # One worker may evaluate for long while the others wait.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=timedelta(hours=12))
    try:
        yield Worker(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def run_workers(job: Callable[[Worker], None], count: int) -> None:
    """Run `job` in `count` processes (this one where it is 1), each on an equal share of the cores.

    A small model on few cores trains faster in processes of one thread than in one process of many threads:
    threads synchronise after every operation, processes once a step.

    Raises:
        TrainingError: the first worker's that failed; the others are ended.
        torch.multiprocessing.ProcessRaisedException: a worker failed in another way.
    """
    if count == 1:
        job(Worker())
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    failures: SimpleQueue[TrainingError] = get_context("spawn").SimpleQueue()
    try:
        spawn(_work, args=(job, count, port, failures), nprocs=count)
    except ProcessRaisedException:
        if not failures.empty():
            raise failures.get() from None
        raise


def _work(
    rank: int, job: Callable[[Worker], None], count: int, port: int, failures: SimpleQueue[TrainingError]
) -> None:
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // count))
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=count)
    try:
        job(Worker(rank, count))
    except TrainingError as error:
        failures.put(error)
        raise
    finally:
        dist.destroy_process_group()
