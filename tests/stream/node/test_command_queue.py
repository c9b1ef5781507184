"""Commands from other threads, carried out by the loop's."""

from __future__ import annotations

import threading

import pytest

from groundcast.stream.node.command_queue import CommandQueue
from groundcast.stream.node.node_api import CommandError

from ...waiting import eventually


class Loop:
    """A loop that does nothing but carry out, when it is woken."""

    def __init__(self) -> None:
        self.woken = threading.Event()
        self.queue = CommandQueue(self.woken.set)
        self.over = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.queue.begin()
        while not self.over:
            self.woken.wait()
            self.woken.clear()
            self.queue.carry_out()
        self.queue.end()

    def stop(self) -> None:
        self.over = True
        self.woken.set()
        self.thread.join()


def test_the_loops_thread_carries_out_what_others_ask_for() -> None:
    loop = Loop()
    carried_out = eventually(lambda: loop.queue.call(threading.get_ident) == loop.thread.ident)  # once it has begun
    loop.stop()
    assert carried_out


def test_an_error_goes_to_the_caller_and_the_loop_goes_on() -> None:
    loop = Loop()
    with pytest.raises(ZeroDivisionError):
        loop.queue.call(lambda: 1 // 0)
    assert loop.queue.call(lambda: "still here") == "still here"
    loop.stop()


def test_a_command_in_the_loop_is_carried_out_at_once() -> None:
    queue = CommandQueue(lambda: None)
    queue.begin()
    assert queue.call(lambda: queue.call(lambda: 3)) == 3


def test_a_loop_that_is_busy_too_long_never_carries_it_out() -> None:
    queue, done = CommandQueue(lambda: None), list[int]()
    busy = threading.Thread(target=queue.begin)
    busy.start()
    busy.join()
    with pytest.raises(CommandError) as refused:
        queue.call(lambda: done.append(1), timeout_s=0.05)
    queue.carry_out()
    assert (refused.value.code, done) == ("not_ready", [])


def test_a_caller_that_waits_when_the_loop_ends_gets_stopped() -> None:
    queue_is_used, ended, codes = threading.Event(), threading.Event(), list[str]()
    queue = CommandQueue(queue_is_used.set)
    begun = threading.Event()

    def idle() -> None:
        queue.begin()
        begun.set()
        ended.wait()  # a thread that is over would lend its number to the next

    loop = threading.Thread(target=idle)
    loop.start()
    begun.wait()

    def ask() -> None:
        with pytest.raises(CommandError) as refused:
            queue.call(lambda: None)
        codes.append(refused.value.code)

    asker = threading.Thread(target=ask)
    asker.start()
    assert queue_is_used.wait(10)
    queue.end()
    asker.join()
    ask()
    ended.set()
    loop.join()
    assert codes == ["stopped", "stopped"]
