"""Lanes: each client's work in order, one at a time, and room for everybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import pytest

from groundcast.stream.control.executor import RequestExecutor, Waits

from ...waiting import eventually


@pytest.fixture
def cpu_workers() -> Iterator[RequestExecutor[str]]:
    before = set(threading.enumerate())
    cpu_workers = RequestExecutor[str]({"quick": 2, "slow": 2}, most=10, most_of_client=5, most_of_user=8)
    yield cpu_workers
    cpu_workers.close(wait_s=20.0)
    assert set(threading.enumerate()) <= before


def hold(until: threading.Event) -> None:
    assert until.wait(20.0)


def test_a_client_s_jobs_are_done_in_order_whatever_their_lanes(cpu_workers: RequestExecutor[str]) -> None:
    done: list[int] = []
    over = threading.Event()

    def job(number: int) -> None:
        time.sleep(0.01 * (number % 2 == 0))
        done.append(number)
        if number == 4:
            over.set()

    for number in range(5):
        assert cpu_workers.put(b"anna", "anna", ("quick", "slow")[number % 2], partial(job, number))

    assert over.wait(20.0)
    assert done == [0, 1, 2, 3, 4]


def test_slow_work_of_others_leaves_a_lane_free(cpu_workers: RequestExecutor[str]) -> None:
    may_end, done = threading.Event(), threading.Event()
    for client in (b"anna", b"ben", b"cleo"):
        cpu_workers.put(client, client.decode(), "slow", partial(hold, may_end))

    cpu_workers.put(b"dora", "dora", "quick", done.set)

    assert done.wait(20.0)
    may_end.set()


def test_more_than_there_is_room_for_is_not_taken(cpu_workers: RequestExecutor[str]) -> None:
    may_end = threading.Event()
    wait = partial(hold, may_end)

    assert [cpu_workers.put(b"anna", "anna", "quick", wait) for _ in range(6)] == [True] * 5 + [False]
    assert [cpu_workers.put(bytes([n % 2]), "ben", "quick", wait) for n in range(9)] == [True] * 5 + [False] * 4
    assert [cpu_workers.put(b"cleo", "cleo", "quick", wait) for _ in range(3)] == [
        True,
        True,
        False,
    ]  # a user's first find room

    may_end.set()
    deadline_s = time.monotonic() + 20.0
    while not cpu_workers.put(b"anna", "anna", "quick", wait):  # room again
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_user_with_many_connections_has_no_more_room_than_one_user_may_have(
    cpu_workers: RequestExecutor[str],
) -> None:
    may_end = threading.Event()
    wait = partial(hold, may_end)

    assert [cpu_workers.put(bytes([n]), "ben", "quick", wait) for n in range(9)] == [True] * 8 + [False]

    may_end.set()


def test_what_waits_keeps_no_thread_from_others_and_goes_on_in_its_turn(cpu_workers: RequestExecutor[str]) -> None:
    ready = [Future[None]() for _ in range(6)]
    done: list[str] = []
    over = threading.Event()

    for number, one in enumerate(ready):
        client = f"eve {number}"
        cpu_workers.put(client.encode(), client, "slow", partial(Waits, one, partial(done.append, client)))
        cpu_workers.put(client.encode(), client, "slow", partial(done.append, f"{client} again"))
    cpu_workers.put(b"anna", "anna", "slow", over.set)

    assert over.wait(20.0)
    assert done == []
    ready[3].set_result(None)
    assert eventually(lambda: done == ["eve 3", "eve 3 again"])
    for one in ready:
        one.cancel()


def test_what_has_not_begun_when_the_lanes_close_never_does() -> None:
    cpu_workers = RequestExecutor[str]({"quick": 1}, most=10, most_of_client=5, most_of_user=8)
    may_end, done = threading.Event(), threading.Event()
    cpu_workers.put(b"anna", "anna", "quick", partial(hold, may_end))
    cpu_workers.put(b"ben", "ben", "quick", done.set)

    cpu_workers.close(wait_s=0.05)
    assert not cpu_workers.put(b"anna", "anna", "quick", done.set)
    may_end.set()
    cpu_workers.close(wait_s=20.0)

    assert not done.is_set()
