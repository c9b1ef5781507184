"""GPU workers, run on a CPU: jobs overlap, and none waits for the next."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.gpu_workers import GpuWorkers
from groundcast.model.runtime.job import Job
from groundcast.model.runtime.network import Network
from groundcast.model.runtime.network_output import NetworkOutput, pack_all
from groundcast.model.runtime.postprocess import CaptionAnswer
from groundcast.model.runtime.ticket import CancelledError, DetectionTicket
from groundcast.model.weights.checkpoint import read_checkpoint

from ..tiny import write_tiny

MUG = Prompt.parse("red mug . can")
PATIENCE_S = 20


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = write_tiny(tmp_path_factory.mktemp("weights"))
    return Network(read_checkpoint(path), "cpu", None, path)


@pytest.fixture
def loop(network: Network) -> Iterator[GpuWorkers]:
    own = GpuWorkers(network, depth=2)
    yield own
    own.close()


def _job(
    seed: int,
    pack: Callable[[CaptionAnswer], torch.Tensor] = pack_all,
    read: Callable[[NetworkOutput], float] = lambda seen: float(seen.parts[0].sum()),
) -> Job[float]:
    picture = np.random.default_rng(seed).integers(0, 255, (64, 96, 3), np.uint8)
    return Job(DetectionTicket([Query(picture, MUG)]), pack, read)


def test_results_are_the_networks_in_order(network: Network, loop: GpuWorkers) -> None:
    jobs = [_job(seed) for seed in range(6)]
    for job in jobs:
        loop.submit(job)
    for job in jobs:
        (alone,) = network.launch(job.ticket.queries).wait()
        assert job.ticket.wait(PATIENCE_S) == [job.read(alone)]


def test_the_next_is_launched_while_the_last_is_read(loop: GpuWorkers) -> None:
    launched, released = threading.Event(), threading.Event()

    def pack(answer: CaptionAnswer) -> torch.Tensor:
        launched.set()
        return pack_all(answer)

    first = _job(0, read=lambda _: float(released.wait(PATIENCE_S)))
    loop.submit(first)
    loop.submit(_job(1, pack))
    assert launched.wait(PATIENCE_S)  # although the first is being read
    assert not first.ticket.done()
    released.set()
    assert first.ticket.wait(PATIENCE_S) == [1.0]


def test_a_finished_one_never_waits_for_the_next(loop: GpuWorkers) -> None:
    released = threading.Event()

    def pack(answer: CaptionAnswer) -> torch.Tensor:
        released.wait(PATIENCE_S)
        return pack_all(answer)

    first, second = _job(0), _job(1, pack)
    loop.submit(first)
    loop.submit(second)
    assert first.ticket.wait(PATIENCE_S)
    assert not second.ticket.done()
    released.set()
    assert second.ticket.wait(PATIENCE_S)


def test_no_more_than_its_depth_is_launched(loop: GpuWorkers) -> None:
    released, launched = threading.Event(), threading.Semaphore(0)

    def pack(answer: CaptionAnswer) -> torch.Tensor:
        launched.release()
        return pack_all(answer)

    jobs = [_job(seed, pack, lambda _: float(released.wait(PATIENCE_S))) for seed in range(4)]
    for job in jobs:
        loop.submit(job)
    assert launched.acquire(timeout=PATIENCE_S)
    assert launched.acquire(timeout=PATIENCE_S)
    assert not launched.acquire(timeout=0.2)
    assert jobs[3].ticket.cancel()  # what is not launched can still be cancelled
    released.set()
    assert jobs[2].ticket.wait(PATIENCE_S) == [1.0]
    with pytest.raises(CancelledError):
        jobs[3].ticket.wait(PATIENCE_S)


def test_a_failure_belongs_to_its_ticket_alone(loop: GpuWorkers) -> None:
    def fail(_: object) -> torch.Tensor:
        raise RuntimeError("CUDA error: device-side assert triggered")

    jobs = [_job(0, fail), _job(1, read=lambda _: float("x")), _job(2)]
    for job in jobs:
        loop.submit(job)
    with pytest.raises(RuntimeError, match="device-side assert"):
        jobs[0].ticket.wait(PATIENCE_S)
    with pytest.raises(ValueError, match="could not convert"):
        jobs[1].ticket.wait(PATIENCE_S)
    assert jobs[2].ticket.wait(PATIENCE_S)


def test_closing_reads_what_was_launched_and_cancels_the_rest(network: Network) -> None:
    released, reading = threading.Event(), threading.Event()

    def read(_: NetworkOutput) -> float:
        reading.set()
        return float(released.wait(PATIENCE_S))

    own = GpuWorkers(network, depth=1)
    jobs = [_job(0, read=read), _job(1)]
    for job in jobs:
        own.submit(job)
    assert reading.wait(PATIENCE_S)
    closing = threading.Thread(target=own.close)
    closing.start()
    assert own._closing.wait(PATIENCE_S)
    released.set()
    closing.join(PATIENCE_S)
    own.close()
    assert jobs[0].ticket.wait(PATIENCE_S) == [1.0]
    with pytest.raises(CancelledError):
        jobs[1].ticket.wait(PATIENCE_S)
