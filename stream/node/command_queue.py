"""Commands from any thread, carried out one by one by the loop that owns what they change."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from .node_api import CommandError

T = TypeVar("T")

_PATIENCE_S = 5.0


class CommandQueue:
    """Joins the threads that command a node with its loop.

    While no loop runs yet, whoever calls carries the command out himself; in the loop's own thread it is carried out
    at once, for there nothing else is going on.

    Args:
        wake: called after a command was laid down, so that the loop looks at once.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()  # before the loop begins, held while a command is carried out
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._loop: int | None = None  # its thread
        self._ended = False

    @property
    def in_loop(self) -> bool:
        """Whether the caller is the loop itself."""
        return self._loop == threading.get_ident()

    def call(self, command: Callable[[], T], patience_s: float = _PATIENCE_S) -> T:
        """Have `command` carried out, and return what it returns.

        Raises:
            CommandError: stopped, when the loop ends first; not_ready, when it does not come to it in time. In both
                cases the command never is carried out. And whatever the command raises.
        """
        answer: Future[T] = Future()
        if self.in_loop and not self._ended:
            return command()
        with self._lock:
            if self._ended:
                raise _stopped()
            if self._loop is None:
                return command()
            self._waiting.append((answer, command))
        self._wake()
        try:
            return answer.result(patience_s)
        except TimeoutError:
            if answer.cancel():
                raise CommandError("not_ready", f"the node is busy for more than {patience_s:g} s: try again") from None
            return answer.result()

    def begin(self) -> None:
        """For the loop: from now on this thread carries the commands out."""
        with self._lock:
            self._loop = threading.get_ident()

    def carry_out(self) -> None:
        """For the loop: what was asked for until now. Who asked gets the result, or the error."""
        for _ in range(len(self._waiting)):
            answer, command = self._waiting.popleft()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                result = command()
            except Exception as error:  # noqa: BLE001  as an executor does: it belongs to whoever asked
                answer.set_exception(error)
            else:
                answer.set_result(result)

    def end(self) -> None:
        """For the loop: nothing more is carried out."""
        with self._lock:
            self._ended = True
            left = tuple(self._waiting)
            self._waiting.clear()
        for answer, _ in left:
            if answer.set_running_or_notify_cancel():
                answer.set_exception(_stopped())


def _stopped() -> CommandError:
    return CommandError("stopped", "the node has ended: start it again")
