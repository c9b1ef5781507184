"""`groundcast listen --status`: subscribes only to the status of a node's sources."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict

from ...stream.sockets.client_keys import Keys
from ...stream.subscriber import Subscriber
from ...stream.wire.message_types import StatusMessage
from ..exits import RunError, say
from .status_table import StatusTable

_LOOK_EVERY_S = 0.2
_HINT_AFTER_S = 5.0


def listen_to_status(
    address: str,
    sources: Sequence[str] | None,
    node: str | None,
    keys: Keys | None,
    count: int | None,
    timeout_s: float | None,
    *,
    jsonl: bool = False,
    silent: bool = False,
) -> int:
    """Show statuses until every source has ended, `count` statuses came, or Ctrl-C.

    Args:
        address, sources, node, keys: as for a `Subscriber`.
        count: stop after this many statuses; None never stops.
        timeout_s: fail after this long without a status; None never fails.
        jsonl: print one JSON object per status instead of a table.
        silent: print no table.

    Returns:
        How many statuses came.

    Raises:
        RunError: nothing came for `timeout_s`.
    """
    with ExitStack() as stack:
        show = (
            _print_json
            if jsonl
            else stack.enter_context(StatusTable(f"waiting for a node on {address}", silent=silent)).show
        )
        counter = _StatusCounter(show, count)
        subscriber = stack.enter_context(
            Subscriber(
                address,
                sources,
                node=node,
                detections=False,
                timeout_s=_LOOK_EVERY_S,
                keys=keys,
                on_status=counter.show,
            )
        )
        with contextlib.suppress(KeyboardInterrupt):  # the ordinary end of listening
            _listen(subscriber, counter, timeout_s)
        return counter.count


class _StatusCounter:
    """Shows statuses, counts them and keeps the time of the last one."""

    def __init__(self, show: Callable[[StatusMessage], None], count: int | None) -> None:
        self.count = 0
        self._show = show
        self._max_count = count
        self._last_s = time.monotonic()

    def show(self, status: StatusMessage) -> None:
        if not self.has_enough:
            self.count += 1
            self._last_s = time.monotonic()
            self._show(status)

    @property
    def has_enough(self) -> bool:
        return self.count == self._max_count

    @property
    def silent_s(self) -> float:
        return time.monotonic() - self._last_s


def _listen(subscriber: Subscriber, counter: _StatusCounter, timeout_s: float | None) -> None:
    hinted = False
    while not counter.has_enough:
        try:
            next(subscriber)
        except StopIteration:
            return
        except TimeoutError:  # it subscribes to no detections; statuses may have come
            why = subscriber.refusal or "is a node running there?"
            said = f"no status came from {subscriber.address} for {counter.silent_s:.1f} s: {why}"
            if timeout_s is not None and counter.silent_s > timeout_s:
                raise RunError(said) from None
            if counter.silent_s > _HINT_AFTER_S and not hinted:
                say(f"{said} (still waiting)")
                hinted = True


def _print_json(status: StatusMessage) -> None:
    print(json.dumps(asdict(status)), flush=True)
