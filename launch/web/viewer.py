"""Viewer: one browser that watches. At most one frame is on its way to it; what it is too slow for is left out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from ...stream.wire.message_types import DetectionMessage
from .live_frame import frame_bytes
from .node_control import NodeControl
from .viewer_lease import ViewerLease
from .viewer_requests import ViewerRequestError, ViewerRequests

_TILE_EVERY_S = 0.5
_IS_GONE_AFTER_S = 3.0  # without an acknowledgement
_MAX_REQUESTS = 8
_MAX_TEXTS = 256  # answers and events that wait for a slow viewer; the oldest are left out
_MAX_ID_LENGTH = 64
_MAX_SOURCES = 64
_IDLE_S = 3600.0


class Viewer:
    """One WebSocket of the page.

    The browser acknowledges each frame once it is drawn, and the next one is sent then: the newest there is. One that
    has stopped, in a hidden tab or behind a dead network, gets none and wants none.

    Args:
        socket: not yet accepted.
        control: its own connection to the node; None where the page may only watch.
        on_change: called when what it wants has changed, and after each request that the node carried out.
    """

    def __init__(self, socket: WebSocket, control: NodeControl | None, on_change: Callable[[], None]) -> None:
        self._socket = socket
        self._control = control
        self._on_change = on_change
        self._lease = None if control is None else ViewerLease(control)
        self._requests = None if control is None or self._lease is None else ViewerRequests(control, self._lease)
        self._large: str | None = None
        self._tiles: frozenset[str] = frozenset()
        self._newest: dict[str, DetectionMessage] = {}
        self._sent_s: dict[str, float] = {}
        self._texts: deque[str] = deque(maxlen=_MAX_TEXTS)
        self._state: str | None = None
        self._wake = asyncio.Event()
        self._waiting_since_s: float | None = None  # for an acknowledgement
        self._queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(_MAX_REQUESTS)

    @property
    def wanted(self) -> Collection[str]:
        """The sources whose pictures it takes now."""
        since_s = self._waiting_since_s
        if since_s is not None and time.monotonic() - since_s > _IS_GONE_AFTER_S:
            return ()
        return self._tiles if self._large is None else self._tiles | {self._large}

    @property
    def lease_error(self) -> str | None:
        """Why what this viewer asks for is not in force."""
        return None if self._lease is None else self._lease.error

    def offer(self, message: DetectionMessage) -> None:
        """Keep the newest message of a source until the browser can take it."""
        if message.source == self._large or message.source in self._tiles:
            self._newest[message.source] = message
            self._wake.set()

    def show_state(self, state: str) -> None:
        """Send this state of the node, instead of one that still waits."""
        self._state = state
        self._wake.set()

    def tell(self, values: Mapping[str, Any]) -> None:
        """Send an event, or an answer, after those before it."""
        self._texts.append(json.dumps(values))
        self._wake.set()

    async def run(self) -> None:
        """Serve the browser until it leaves."""
        await self._socket.accept()
        tasks = [asyncio.ensure_future(self._send()), asyncio.ensure_future(self._carry_out())]
        if self._lease is not None:
            tasks.append(asyncio.ensure_future(self._lease.renew()))
        tasks.append(asyncio.ensure_future(self._receive()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._control is not None:
                await self._control.close()
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has closed the socket itself
                await self._socket.close()

    async def _receive(self) -> None:
        while True:
            request = _read(await self._socket.receive_text())
            match request.get("op"):
                case "ack":
                    self._acknowledged()
                case "watch":
                    self._watch(request)
                case _ if self._queue.full():
                    self._answer(request, {"ok": False, "error": _error("busy", "too many requests at once: wait")})
                case _:
                    self._queue.put_nowait(request)

    def _acknowledged(self) -> None:
        since_s, self._waiting_since_s = self._waiting_since_s, None
        if since_s is not None and time.monotonic() - since_s > _IS_GONE_AFTER_S:
            self._newest.clear()  # old by now
            self._on_change()
        self._wake.set()

    def _watch(self, request: Mapping[str, Any]) -> None:
        large, tiles = request.get("large"), request.get("tiles")
        names = cast("list[object]", tiles)[:_MAX_SOURCES] if isinstance(tiles, list) else []
        self._large = large if isinstance(large, str) else None
        self._tiles = frozenset(name for name in names if isinstance(name, str))
        kept = self._tiles | {self._large}
        self._newest = {source: message for source, message in self._newest.items() if source in kept}
        self._on_change()

    async def _carry_out(self) -> None:
        while True:
            request = await self._queue.get()
            if self._requests is None:
                error = _error("no_control", "this page may only watch: start it with --control to change anything")
                self._answer(request, {"ok": False, "error": error})
                continue
            try:
                self._answer(request, {"ok": True, **await self._requests.carry_out(request)})
            except ViewerRequestError as error:
                self._answer(request, {"ok": False, "error": _error(error.code, str(error))})
            self._on_change()

    def _answer(self, request: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self.tell({"type": "answer", "id": _id_of(request), **values})

    async def _send(self) -> None:
        wait_s = _IDLE_S
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            self._wake.clear()
            while self._texts:
                await self._socket.send_text(self._texts.popleft())
            state, self._state = self._state, None
            if state is not None:
                await self._socket.send_text(state)
            wait_s = await self._send_frame()

    async def _send_frame(self) -> float:
        """Send the newest frame that is due; returns after how long another may be."""
        if self._waiting_since_s is not None:
            return _IDLE_S
        now_s = time.monotonic()
        due_s = {source: 0.0 if source == self._large else self._due_s(source) for source in self._newest}
        if not due_s:
            return _IDLE_S
        source = min(due_s, key=due_s.__getitem__)
        if due_s[source] > now_s:
            return due_s[source] - now_s
        message = self._newest.pop(source)
        self._sent_s[source] = self._waiting_since_s = now_s
        await self._socket.send_bytes(frame_bytes(message))
        return _IDLE_S

    def _due_s(self, source: str) -> float:
        return self._sent_s.get(source, -_TILE_EVERY_S) + _TILE_EVERY_S


def _read(text: str) -> Mapping[str, Any]:
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", request) if isinstance(request, dict) else {}


def _id_of(request: Mapping[str, Any]) -> int | str | None:
    """The number or short text by which the browser knows its request."""
    given = request.get("id")
    is_short = isinstance(given, str) and len(given) <= _MAX_ID_LENGTH
    return given if is_short or (isinstance(given, int) and abs(given) < 2**53) else None


def _error(code: str, text: str) -> dict[str, str]:
    return {"code": code, "message": text}
