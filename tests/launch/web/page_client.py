"""A viewer without a browser: what the page's script does, for tests of its server."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from websockets.sync.client import ClientConnection, connect


@dataclass(frozen=True)
class ReceivedFrame:
    """One frame: its message and its JPEG."""

    message: dict[str, Any]
    jpeg: bytes


class PageClient:
    """One WebSocket to a page. `states` and `events` are all so far."""

    def __init__(self, url: str, large: str | None = None, tiles: tuple[str, ...] = ()) -> None:
        self.states: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._connecting = connect(url.replace("http", "ws", 1) + "/live", max_size=None)
        self._watched = {"large": large, "tiles": list(tiles)}

    def __enter__(self) -> PageClient:
        self._socket: ClientConnection = self._connecting.__enter__()
        self.send(op="watch", **self._watched)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connecting.__exit__(kind, error, at)

    def send(self, **request: Any) -> None:
        self._socket.send(json.dumps(request))

    def send_text(self, text: str) -> None:
        self._socket.send(text)

    def request(self, op: str, **values: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; frames that come meanwhile are acknowledged and left out."""
        number = next(self._ids)
        self.send(op=op, id=number, **values)
        self.until(lambda: number in self._answers)
        return self._answers.pop(number)

    def state(self, holds: Callable[[dict[str, Any]], bool] = lambda _: True, within_s: float = 60.0) -> dict[str, Any]:
        """The first state from now on that is as wanted."""
        seen = len(self.states)
        self.until(lambda: any(map(holds, self.states[seen:])), within_s)
        return next(filter(holds, self.states[seen:]))

    def frame(
        self,
        holds: Callable[[dict[str, Any]], bool] = lambda _: True,
        within_s: float = 60.0,
        *,
        acknowledge: bool = True,
    ) -> ReceivedFrame:
        """The next frame that is as wanted; the first ones come before the node encodes pictures, and have none.

        Those without a picture are always acknowledged: else no other would come.
        """
        found: list[ReceivedFrame] = []
        deadline_s = time.monotonic() + within_s
        while not found:
            frame = self._take(deadline_s, acknowledge=acknowledge)
            if frame is not None and frame.jpeg and holds(frame.message):
                found.append(frame)
        return found[0]

    def is_silent(self, for_s: float) -> bool:
        """Whether no frame comes for so long."""
        try:
            self.frame(within_s=for_s)
        except TimeoutError:
            return True
        return False

    def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        """Read until something holds."""
        deadline_s = time.monotonic() + within_s
        while not holds():
            self._take(deadline_s)

    def _take(self, deadline_s: float, *, acknowledge: bool = True) -> ReceivedFrame | None:
        received = self._socket.recv(max(0.0, deadline_s - time.monotonic()))
        if isinstance(received, bytes):
            length = int.from_bytes(received[:4], "big")
            if acknowledge or len(received) == 4 + length:
                self.send(op="ack")
            return ReceivedFrame(json.loads(received[4 : 4 + length]), received[4 + length :])
        message = json.loads(received)
        if message["type"] == "state":
            self.states.append(message)
        elif message["type"] == "events":
            self.events += message["events"]
        else:
            self._answers[message["id"]] = message
        return None
