"""The request executor: each client's jobs in order, one at a time, and room for the others."""

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
def executor() -> Iterator[RequestExecutor[str]]:
    before = set(threading.enumerate())
    executor = RequestExecutor[str]({"quick": 2, "slow": 2}, max_jobs=10, max_of_client=5, max_of_user=8)
    yield executor
    executor.close(wait_s=20.0)
    assert set(threading.enumerate()) <= before


def hold(until: threading.Event) -> None:
    assert until.wait(20.0)


def test_a_client_s_jobs_are_done_in_order_whatever_their_pools(executor: RequestExecutor[str]) -> None:
    done: list[int] = []
    over = threading.Event()

    def job(number: int) -> None:
        time.sleep(0.01 * (number % 2 == 0))
        done.append(number)
        if number == 4:
            over.set()

    for number in range(5):
        assert executor.put(b"anna", "anna", ("quick", "slow")[number % 2], partial(job, number))

    assert over.wait(20.0)
    assert done == [0, 1, 2, 3, 4]


def test_slow_work_of_others_leaves_a_pool_free(executor: RequestExecutor[str]) -> None:
    may_end, done = threading.Event(), threading.Event()
    for client in (b"anna", b"ben", b"cleo"):
        executor.put(client, client.decode(), "slow", partial(hold, may_end))

    executor.put(b"dora", "dora", "quick", done.set)

    assert done.wait(20.0)
    may_end.set()


def test_more_than_there_is_room_for_is_not_taken(executor: RequestExecutor[str]) -> None:
    may_end = threading.Event()
    wait = partial(hold, may_end)

    assert [executor.put(b"anna", "anna", "quick", wait) for _ in range(6)] == [True] * 5 + [False]
    assert [executor.put(bytes([n % 2]), "ben", "quick", wait) for n in range(9)] == [True] * 5 + [False] * 4
    assert [executor.put(b"cleo", "cleo", "quick", wait) for _ in range(3)] == [
        True,
        True,
        False,
    ]  # a user's first find room

    may_end.set()
    deadline_s = time.monotonic() + 20.0
    while not executor.put(b"anna", "anna", "quick", wait):  # room again
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_user_with_many_connections_has_no_more_room_than_one_user_may_have(
    executor: RequestExecutor[str],
) -> None:
    may_end = threading.Event()
    wait = partial(hold, may_end)

    assert [executor.put(bytes([n]), "ben", "quick", wait) for n in range(9)] == [True] * 8 + [False]

    may_end.set()


def test_what_waits_keeps_no_thread_from_others_and_goes_on_in_its_turn(executor: RequestExecutor[str]) -> None:
    ready = [Future[None]() for _ in range(6)]
    done: list[str] = []
    over = threading.Event()

    for number, one in enumerate(ready):
        client = f"eve {number}"
        executor.put(client.encode(), client, "slow", partial(Waits, one, partial(done.append, client)))
        executor.put(client.encode(), client, "slow", partial(done.append, f"{client} again"))
    executor.put(b"anna", "anna", "slow", over.set)

    assert over.wait(20.0)
    assert done == []
    ready[3].set_result(None)
    assert eventually(lambda: done == ["eve 3", "eve 3 again"])
    for one in ready:
        one.cancel()


def test_a_job_that_has_not_begun_when_the_executor_closes_never_does() -> None:
    executor = RequestExecutor[str]({"quick": 1}, max_jobs=10, max_of_client=5, max_of_user=8)
    may_end, done = threading.Event(), threading.Event()
    executor.put(b"anna", "anna", "quick", partial(hold, may_end))
    executor.put(b"ben", "ben", "quick", done.set)

    executor.close(wait_s=0.05)
    assert not executor.put(b"anna", "anna", "quick", done.set)
    may_end.set()
    executor.close(wait_s=20.0)

    assert not done.is_set()
