"""`groundcast listen --status`: subscribes to how a node's sources are doing, and to nothing else."""

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
    """Show what comes until every source has ended, `count` statuses came, or Ctrl-C.

    Args:
        address, sources, node, keys: as for a `Subscriber`.
        count: stop after so many statuses; None does not.
        timeout_s: give up after so long a silence; None never does.
        jsonl: print one JSON object a status instead of a table; silent: print no table.

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
        ear = _Ear(show, count)
        subscriber = stack.enter_context(
            Subscriber(
                address, sources, node=node, detections=False, timeout_s=_LOOK_EVERY_S, keys=keys, on_status=ear.hear
            )
        )
        with contextlib.suppress(KeyboardInterrupt):  # the ordinary end of listening
            _listen(subscriber, ear, timeout_s)
        return ear.heard


class _Ear:
    """Passes statuses on, counts them and knows when the last one came."""

    def __init__(self, show: Callable[[StatusMessage], None], count: int | None) -> None:
        self.heard = 0
        self._show = show
        self._count = count
        self._last_s = time.monotonic()

    def hear(self, status: StatusMessage) -> None:
        if not self.has_enough:
            self.heard += 1
            self._last_s = time.monotonic()
            self._show(status)

    @property
    def has_enough(self) -> bool:
        return self.heard == self._count

    @property
    def silent_s(self) -> float:
        return time.monotonic() - self._last_s


def _listen(subscriber: Subscriber, ear: _Ear, timeout_s: float | None) -> None:
    hinted = False
    while not ear.has_enough:
        try:
            next(subscriber)
        except StopIteration:
            return
        except TimeoutError:  # no detections, as was asked for; statuses may have come
            why = subscriber.refusal or "is a node running there?"
            said = f"no status came from {subscriber.address} for {ear.silent_s:.1f} s: {why}"
            if timeout_s is not None and ear.silent_s > timeout_s:
                raise RunError(said) from None
            if ear.silent_s > _HINT_AFTER_S and not hinted:
                say(f"{said} (still waiting)")
                hinted = True


def _print_json(status: StatusMessage) -> None:
    print(json.dumps(asdict(status)), flush=True)
