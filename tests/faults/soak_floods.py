"""Keyless connections of a soak, in bursts with pauses, to one port of the node after another."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from groundcast.stream.controller import ControlError, Controller
from groundcast.stream.subscriber import Subscriber

from .flooder import flood
from .soak_bursts import Burst

CONNECTIONS = 600
BURST_S = 8.0
_PAUSE_S = (20.0, 40.0)  # least and most
_WAITED_S = 20.0  # for the node to be back to normal
_NICE = 15  # an attacker of a real node computes on a machine of his own


class Floods:
    """A thread that floods until the block ends.

    Args:
        ports: of the node's publisher, control socket and health pages, by name.
        keys: of an honest client.
        honest: the source that a new subscriber must hear after each burst.
        seed: decides the pauses.
    """

    def __init__(self, ports: Mapping[str, int], keys: Path, honest: str, seed: int) -> None:
        self.bursts: list[Burst] = []
        self._ports = ports
        self._keys = keys
        self._honest = honest
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._flood)

    def __enter__(self) -> Floods:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _flood(self) -> None:
        for name in itertools.cycle(self._ports):
            if self._over.wait(self._dice.uniform(*_PAUSE_S)):
                return
            calm_s = self._seconds_to_normal(time.monotonic())
            began_s = time.monotonic()
            with flood(self._ports[name], CONNECTIONS, nice=_NICE):
                self._over.wait(BURST_S)
            ended_s = time.monotonic()
            self.bursts.append(Burst(name, began_s, ended_s, calm_s, self._seconds_to_normal(ended_s)))

    def _seconds_to_normal(self, since_s: float) -> float | None:
        try:
            self._read_health()
            with Controller(f"tcp://127.0.0.1:{self._ports['control']}", _WAITED_S, keys=self._keys) as node:
                node.status()
            address = f"tcp://127.0.0.1:{self._ports['publisher']}"
            with Subscriber(address, [self._honest], keys=self._keys, snapshot=False, timeout_s=_WAITED_S) as late:
                next(late)
        except (OSError, ControlError):
            return None
        return time.monotonic() - since_s

    def _read_health(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports["health"], timeout=_WAITED_S)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status != http.client.OK:
                raise ConnectionError("the node says that it is not healthy")
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
