"""Command queue: commands of any thread, which the node's loop carries out one by one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from .node_api import CommandError

T = TypeVar("T")

_TIMEOUT_S = 5.0


class CommandQueue:
    """Hands commands from other threads to the loop.

    Before the loop begins, the caller's thread carries a command out; the loop's own thread carries its commands out
    at once.

    Args:
        wake: called after a command was queued.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()  # before the loop begins, held while a command is carried out
        self._queued: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._loop_thread: int | None = None
        self._ended = False

    @property
    def in_loop(self) -> bool:
        """Whether the caller is the loop itself."""
        return self._loop_thread == threading.get_ident()

    def call(self, command: Callable[[], T], timeout_s: float = _TIMEOUT_S) -> T:
        """Have `command` carried out, and return what it returns.

        Raises:
            CommandError: stopped if the loop ends first; not_ready if it takes too long. In both cases the command is
                never carried out.
            Exception: whatever the command raises.
        """
        future: Future[T] = Future()
        if self.in_loop and not self._ended:
            return command()
        with self._lock:
            if self._ended:
                raise _stopped()
            if self._loop_thread is None:
                return command()
            self._queued.append((future, command))
        self._wake()
        try:
            return future.result(timeout_s)
        except TimeoutError:
            if future.cancel():
                raise CommandError("not_ready", f"the node is busy for more than {timeout_s:g} s: try again") from None
            return future.result()

    def begin(self) -> None:
        """For the loop: from now on the calling thread carries the commands out."""
        with self._lock:
            self._loop_thread = threading.get_ident()

    def carry_out(self) -> None:
        """For the loop: carry out the commands that are queued now. Each caller gets the result, or the error."""
        for _ in range(len(self._queued)):
            future, command = self._queued.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = command()
            except Exception as error:  # noqa: BLE001  as an executor does: the caller gets it
                future.set_exception(error)
            else:
                future.set_result(result)

    def end(self) -> None:
        """For the loop: refuse the queued commands, and all that follow."""
        with self._lock:
            self._ended = True
            queued = tuple(self._queued)
            self._queued.clear()
        for future, _ in queued:
            if future.set_running_or_notify_cancel():
                future.set_exception(_stopped())


def _stopped() -> CommandError:
    return CommandError("stopped", "the node has ended: start it again")
