"""Node control: a node's control socket for asyncio, each request in a thread of a pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ...stream.controller import Controller, NoAnswerError
from ...stream.sockets.client_keys import Keys

T = TypeVar("T")
_TIMEOUT_S = 3.0


class NodeControl:
    """One connection to a node, for one task at a time; it is made with the first request.

    Args:
        address: of the node's control socket.
        keys: for a node that demands them.
        pool: its threads wait for the answers.
    """

    def __init__(self, address: str, keys: Keys | None, pool: ThreadPoolExecutor) -> None:
        self._address = address
        self._keys = keys
        self._pool = pool
        self._controller: Controller | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False

    async def ask(self, request: Callable[[Controller], T]) -> T:
        """Send a request and wait for its answer.

        Raises:
            ControlError: the node refuses, or does not answer.
        """
        async with self._lock:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._ask, request)

    async def close(self) -> None:
        """Close the connection, which ends its leases."""
        async with self._lock:
            self._is_closed = True
            if self._controller is not None:
                self._controller.close()

    def _ask(self, request: Callable[[Controller], T]) -> T:
        if self._is_closed:
            raise NoAnswerError("no_answer", "the viewer has left")
        if self._controller is None:
            self._controller = Controller(self._address, _TIMEOUT_S, keys=self._keys)
        return request(self._controller)
