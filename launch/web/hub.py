"""Hub: what all viewers of one node share: the feed of its messages, and its state."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.websockets import WebSocket

from ...stream.controller import ControlError
from ...stream.node.node_api import NodeStatus
from ...stream.sockets.client_keys import Keys
from ...stream.subscribe.live_feed import LiveFeed
from ...stream.wire.message_types import DetectionMessage, EventMessage, StatusMessage
from .live_frame import event_values, status_values
from .node_control import NodeControl
from .viewer import Viewer

_STATE_EVERY_S = 1.0
_MIN_PAUSE_S = 0.05
_MAX_VIEWERS = 32
_TOO_MANY = 1013  # WebSocket close code: try again later
_POOL_THREADS = 8
_MAX_EVENTS = 200


class Hub:
    """One node's messages for any number of viewers.

    Args:
        address: where the node publishes.
        keys: for a node that demands them.
        find_control: the address of the control socket of a node, by its name; None where there is none, so that the
            page may only watch.
    """

    def __init__(self, address: str, keys: Keys | None, find_control: Callable[[str], str | None]) -> None:
        self._keys = keys
        self._find_control = find_control
        self._pool = ThreadPoolExecutor(_POOL_THREADS, thread_name_prefix="page-control")
        self._viewers: set[Viewer] = set()
        self._statuses: dict[str, StatusMessage] = {}
        self._control_address: str | None = None
        self._control: NodeControl | None = None
        self._node: NodeStatus | None = None
        self._settings: list[dict[str, Any]] = []
        self._error: str | None = None
        self._events: deque[dict[str, Any]] = deque(maxlen=_MAX_EVENTS)
        self._changed = asyncio.Event()
        self._feed = LiveFeed(address, self._on_message, self._on_status, keys, self._on_event)

    async def run(self) -> None:
        """Receive, and keep the viewers informed, until cancelled."""
        await asyncio.gather(self._feed.run(), self._inform())

    async def close(self) -> None:
        """Close the connections."""
        self._feed.close()
        if self._control is not None:
            await self._control.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def serve(self, socket: WebSocket) -> None:
        """Serve a browser until it leaves."""
        if len(self._viewers) >= _MAX_VIEWERS:
            await socket.close(_TOO_MANY, f"{_MAX_VIEWERS} viewers watch already: close one of them")
            return
        self._find()
        address = self._control_address
        control = None if address is None else NodeControl(address, self._keys, self._pool)
        viewer = Viewer(socket, control, self._changed.set)
        viewer.tell({"type": "events", "events": list(self._events)})
        self._viewers.add(viewer)
        self._changed.set()
        try:
            await viewer.run()
        finally:
            self._viewers.discard(viewer)
            self._changed.set()

    def _on_message(self, message: DetectionMessage) -> None:
        for viewer in self._viewers:
            viewer.offer(message)

    def _on_event(self, message: EventMessage) -> None:
        event = event_values(message)
        self._events.append(event)
        for viewer in self._viewers:
            viewer.tell({"type": "events", "events": [event]})

    def _on_status(self, status: StatusMessage) -> None:
        before = self._statuses.get(status.source)
        self._statuses[status.source] = status
        if before is None or (before.state, before.error, before.paused) != (status.state, status.error, status.paused):
            self._changed.set()

    async def _inform(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(_STATE_EVERY_S):
                    await self._changed.wait()
            await asyncio.sleep(_MIN_PAUSE_S)  # a viewer that changes its mind all the time must not busy the node
            self._changed.clear()
            self._feed.watch({source for viewer in self._viewers for source in viewer.wanted})
            if not self._viewers:
                continue
            await self._ask_node()
            for viewer in self._viewers:
                viewer.show_state(json.dumps({**self._state(), "lease_error": viewer.lease_error}))

    def _find(self) -> None:
        """Look for the node's control socket, once its name is known."""
        if self._control is None and self._statuses:
            name = next(iter(self._statuses.values())).node
            self._control_address = self._find_control(name)
            if self._control_address is not None:
                self._control = NodeControl(self._control_address, self._keys, self._pool)

    async def _ask_node(self) -> None:
        self._find()
        if self._control is None:
            return
        try:
            self._node = await self._control.ask(lambda node: node.status())
            self._settings = await self._control.ask(lambda node: node.sources())
            self._error = None
        except ControlError as error:
            self._error = str(error)
            return
        known = {one.source for one in self._node.sources}
        self._statuses = {source: status for source, status in self._statuses.items() if source in known}
        self._statuses.update({one.source: one for one in self._node.sources})

    def _state(self) -> dict[str, Any]:
        node = self._node
        state: dict[str, Any] = {
            "type": "state",
            "control": self._control is not None,
            "error": self._feed.refusal or self._error,
            "gaps": self._feed.gaps,
            "viewers": len(self._viewers),
            "sources": [status_values(one) for one in self._statuses.values()],
            "settings": {one["settings"]["name"]: one["settings"] for one in self._settings},
        }
        if node is None:
            return state
        prompts = {
            source: [
                {"name": one.name, "threshold": one.threshold, "negative": one.negative, "ask": list(one.ask)}
                for one in prompt.phrases
            ]
            for source, prompt in node.prompts.items()
        }
        leases = [{"phrases": list(one.phrases), "source": one.source} for one in node.leases]
        model = {"name": node.model.name, "dtype": node.model.dtype}
        return {
            **state,
            "node": node.node,
            "model": model,
            "prompt_version": node.prompt_version,
            "prompts": prompts,
            "leases": leases,
            "paused": list(node.paused),
        }
