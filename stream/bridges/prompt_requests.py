"""Prompt requests: texts that other programs publish become a node's prompt, or a lease for each publisher."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from ..controller import ControlError, Controller, RenewedLease
from ..sockets.client_keys import Keys
from ..sockets.connect import ConnectError
from ..sockets.key_files import KeyFileError

_LOG = logging.getLogger(__name__)
MAX_TEXT_LENGTH = 10_000
_MAX_LEASES = 32
_MAX_WAITING = 100
_LEASE_S = 10.0


class PromptRequests:
    """Sends requests to a node from a thread of its own, so that a node that does not answer holds no message up.

    A lease lasts until its publisher asks for something else, publishes an empty text, or is gone.

    Args:
        address: where the node takes requests.
        keys: for a node that demands them.

    Attributes:
        failure: what ended the thread, None while all is well.

    Raises:
        ConnectError, KeyFileError: the address or the keys cannot be used.
    """

    def __init__(self, address: str, keys: Keys | None = None) -> None:
        self.failure: Exception | None = None
        self._controller = Controller(address, keys=keys)
        self._leases: dict[str, tuple[str, RenewedLease]] = {}
        self._requests: queue.Queue[Callable[[], object] | None] = queue.Queue(_MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="bridge-requests", daemon=True)
        self._thread.start()

    @property
    def leases(self) -> Mapping[str, str]:
        """What each publisher asks for now."""
        return {publisher: phrases for publisher, (phrases, _) in list(self._leases.items())}

    def set_prompt(self, text: str) -> None:
        """Set the prompt of every source that has none of its own."""
        self._put(text, lambda: self._set_prompt(text))

    def ask(self, publisher: str, text: str) -> None:
        """Lease phrases for a publisher in the place of those it asked for before; an empty text asks for none."""
        self._put(text, lambda: self._ask(publisher, text))

    def keep(self, publishers: frozenset[str]) -> None:
        """End the leases of all other publishers."""
        for publisher in set(self.leases) - publishers:
            self._put("", lambda publisher=publisher: self._end(publisher))

    def close(self) -> None:
        """End all leases."""
        with suppress(queue.Full):
            self._requests.put(None, timeout=1.0)
            self._thread.join(timeout=10.0)

    def _put(self, text: str, request: Callable[[], object]) -> None:
        if len(text) > MAX_TEXT_LENGTH:
            _LOG.warning("a text of %d characters was refused: a prompt has at most %d", len(text), MAX_TEXT_LENGTH)
            return
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            _LOG.warning("a request for a prompt was dropped: %d others wait for the node", _MAX_WAITING)

    def _run(self) -> None:
        try:
            self._carry_out()
        except Exception as error:  # noqa: BLE001 - the bridge ends with it
            self.failure = error
        for publisher in list(self._leases):
            self._end(publisher)
        self._controller.close()

    def _carry_out(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                request()
            except (ControlError, ConnectError, KeyFileError) as error:
                _LOG.warning("the prompt was not changed: %s", error)

    def _set_prompt(self, text: str) -> None:
        applied = self._controller.set_prompt(text)
        _LOG.info("the prompt is now at version %d: %r", applied.prompt_version, text[:200])

    def _ask(self, publisher: str, text: str) -> None:
        asked, _ = self._leases.get(publisher, ("", None))
        if text == asked:
            return
        self._end(publisher)
        if not text.strip():
            return
        if len(self._leases) >= _MAX_LEASES:
            _LOG.warning("a lease was refused: %d publishers have one, at most %d may", len(self._leases), _MAX_LEASES)
            return
        self._leases[publisher] = (text, self._controller.ask(text, seconds=_LEASE_S))

    def _end(self, publisher: str) -> None:
        _, lease = self._leases.pop(publisher, ("", None))
        if lease is not None:
            lease.close()
