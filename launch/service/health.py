"""Whether a node lives and whether it is of use, as those ask who start nodes anew or send work to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ...stream.node.node_api import NodeStatus
from ...stream.sockets.rejections import Reason
from ...stream.stats import LAST_STATES
from ...stream.wire.message_types import StatusMessage

HANGS_AFTER_S = 10.0
_OWES_TOO_LONG_S = 120.0  # the largest model on a slow CPU takes less for its largest batch


@dataclass(frozen=True, slots=True)
class Verdict:
    """A yes or a no, and why."""

    ok: bool
    said: str


class WatchedNode(Protocol):
    """What of a running node is looked at; both are told at once and from any thread."""

    @property
    def last_loop_ns(self) -> int:
        """When the loop last turned, monotonic ns; 0 before it runs."""
        ...

    @property
    def oldest_request_ns(self) -> int:
        """Since when the detector owes an answer, monotonic ns; 0 while it owes none."""
        ...

    def status(self) -> NodeStatus: ...


class WatchedControl(Protocol):
    """What of a control socket is looked at, from any thread.

    Attributes:
        dropped: messages that could not be answered, and answers that were not taken.
    """

    dropped: int

    @property
    def rejected_connections(self) -> Mapping[Reason, int]:
        """How often somebody was turned away, by reason."""
        ...


class Health:
    """What is known of a node, from before its model is loaded until it has ended. Any thread may ask.

    Attributes:
        control: takes requests for the node; None while it loads, and where nothing does.
    """

    def __init__(self) -> None:
        self._running: tuple[WatchedNode, threading.Event] | None = None
        self.control: WatchedControl | None = None

    def attach(self, node: WatchedNode, stop: threading.Event, control: WatchedControl | None = None) -> None:
        """The model is loaded and the sockets are bound: from now on the node itself is asked.

        Args:
            node: about to run.
            stop: is set when the node was told to end.
            control: takes requests for it, if anything does.
        """
        self.control = control
        self._running = node, stop

    def status(self) -> NodeStatus | None:
        """The node's own word; None while it loads."""
        return None if self._running is None else self._running[0].status()

    def alive(self) -> Verdict:
        """Whether the node should be left alone: no only when its loop, or its detector, began and then stood still.

        A node that loads its model is alive: killing it would only make it load again. A lost camera is no reason
        either, since a new process would not find it sooner.
        """
        if self._running is None:
            return Verdict(ok=True, said="the model is being loaded")
        turn_s, answer_s = self.turn_age_s(), _since_s(self._running[0].oldest_request_ns)
        if turn_s > HANGS_AFTER_S:
            return Verdict(ok=False, said=f"the loop has not turned for {turn_s:.0f} s")
        if answer_s > _OWES_TOO_LONG_S:
            return Verdict(ok=False, said=f"the detector has not answered for {answer_s:.0f} s")
        return Verdict(ok=True, said=f"the loop turned {turn_s:.1f} s ago")

    def turn_age_s(self) -> float:
        """How long ago the loop turned; 0 before it ran."""
        return 0.0 if self._running is None else _since_s(self._running[0].last_loop_ns)

    def ready(self, status: NodeStatus | None) -> Verdict:
        """Whether messages can be expected of the node, given what it says of itself.

        Not while it loads, hangs or ends, and not while every source it has failed, ended or has never given a
        picture. A camera that is lost after that leaves the node ready: it comes back by itself, and its state tells.
        """
        alive = self.alive()
        if self._running is None or status is None or not alive.ok:
            return Verdict(ok=False, said=alive.said)
        if self._running[1].is_set():
            return Verdict(ok=False, said="the node was told to end")
        return _usable(status.sources)


def _since_s(moment_ns: int) -> float:
    return (time.monotonic_ns() - moment_ns) / 1e9 if moment_ns else 0.0


def _usable(sources: tuple[StatusMessage, ...]) -> Verdict:
    if sources and all(source.state in LAST_STATES for source in sources):
        return Verdict(ok=False, said="every source has ended or failed")
    if sources and not any(source.frames_decoded for source in sources):
        return Verdict(ok=False, said="no source has given a picture yet")
    return Verdict(ok=True, said="the node runs")
