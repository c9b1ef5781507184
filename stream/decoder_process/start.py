"""Decoder processes: one for each network camera, so that what a stranger sends is parsed outside the node."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ..decode.opened_source import OpenedSource
from ..options import SourceOptions
from ..source_url import SourceError
from .link import DECODER, DecoderLink
from .remote_source import DecoderConnection

_LOOK_AT_STOP_EVERY_S = 0.2


class DecoderProcess:
    """Opens one source again and again, in a process that is started when there is none. For one thread.

    The thread that opens must live as long as what it opened: the process ends with it.

    Args:
        module: the Python module to run.
    """

    _turns = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))

    def __init__(self, module: str = DECODER) -> None:
        self._module = module
        self._link: DecoderLink | None = None

    def open(self, options: SourceOptions, pause: Callable[[float], bool]) -> OpenedSource:
        """Open a source on the network.

        Args:
            options: the source.
            pause: waits so many seconds; true if the wait was cut short because the work is over.

        Raises:
            SourceError: it cannot be opened, or the process cannot be started.
        """
        if self._link is None or self._link.is_over:
            self.close()
            self._start(options, pause)
        link = self._link
        assert link is not None, "was started"
        link.use(options, pause)
        return DecoderConnection(link, options)

    def _start(self, options: SourceOptions, pause: Callable[[float], bool]) -> None:
        """Start a process when it is its turn: many at once would leave nothing of the processor to the node."""
        while not self._turns.acquire(timeout=_LOOK_AT_STOP_EVERY_S):
            if pause(0.0):
                raise SourceError(f"{options.url} is no longer needed")
        try:
            if pause(0.0):  # the turn came with the stop: a process would be started only to be killed
                raise SourceError(f"{options.url} is no longer needed")
            self._link = DecoderLink(options, self._module)
            self._link.use(options, pause)
        finally:
            self._turns.release()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._link is not None:
            self._link.kill()
            self._link = None
