"""Health of a node: whether it is alive (else restart it) and whether it is ready (messages can be expected)."""

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
_DETECTOR_HANGS_AFTER_S = 120.0  # the largest model on a slow CPU takes less for its largest batch


@dataclass(frozen=True, slots=True)
class Verdict:
    """A yes or a no, and why."""

    ok: bool
    said: str


class WatchedNode(Protocol):
    """What health reads of a running node, from any thread and without waiting."""

    @property
    def last_loop_ns(self) -> int:
        """When the loop last ran, monotonic ns; 0 before it starts."""
        ...

    @property
    def oldest_request_ns(self) -> int:
        """When the oldest unanswered batch was given to the detector, monotonic ns; 0 without one."""
        ...

    def status(self) -> NodeStatus: ...


class WatchedControl(Protocol):
    """What health reads of a control socket, from any thread.

    Attributes:
        dropped: requests that could not be answered, and replies that could not be sent.
    """

    dropped: int

    @property
    def rejected_connections(self) -> Mapping[Reason, int]:
        """Rejected connections, counted by reason."""
        ...


class Health:
    """The health of a node, from before its model is loaded until it has ended. Thread-safe.

    Attributes:
        control: the node's control socket; None while it loads, and where it has none.
    """

    def __init__(self) -> None:
        self._running: tuple[WatchedNode, threading.Event] | None = None
        self.control: WatchedControl | None = None

    def attach(self, node: WatchedNode, stop: threading.Event, control: WatchedControl | None = None) -> None:
        """Read health from this node from now on: its model is loaded and its sockets are bound.

        Args:
            node: about to run.
            stop: set when the node must end.
            control: its control socket, if it has one.
        """
        self.control = control
        self._running = node, stop

    def status(self) -> NodeStatus | None:
        """The node's status; None while it loads."""
        return None if self._running is None else self._running[0].status()

    def alive(self) -> Verdict:
        """Whether the node is alive: false only when its loop or its detector hangs.

        A node that loads its model is alive: a restart would only load it again. So is one that has lost a camera: a
        new process would not find it sooner.
        """
        if self._running is None:
            return Verdict(ok=True, said="the model is being loaded")
        turn_s, answer_s = self.turn_age_s(), _since_s(self._running[0].oldest_request_ns)
        if turn_s > HANGS_AFTER_S:
            return Verdict(ok=False, said=f"the loop has not turned for {turn_s:.0f} s")
        if answer_s > _DETECTOR_HANGS_AFTER_S:
            return Verdict(ok=False, said=f"the detector has not answered for {answer_s:.0f} s")
        return Verdict(ok=True, said=f"the loop turned {turn_s:.1f} s ago")

    def turn_age_s(self) -> float:
        """How long ago the loop last ran; 0 before it starts."""
        return 0.0 if self._running is None else _since_s(self._running[0].last_loop_ns)

    def ready(self, status: NodeStatus | None) -> Verdict:
        """Whether messages can be expected of the node, given its status.

        Not while it loads, hangs or ends, and not while every source has failed, ended or never given a picture. A
        camera that is lost later leaves the node ready, since the node reconnects by itself.
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
