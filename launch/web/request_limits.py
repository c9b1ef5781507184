"""Request limits: how large a request may be, how long it may take to arrive, and how many a client may send."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from ...stream.sockets.token_bucket import TokenBucket

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_MAX_CLIENTS = 4096


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a client may send.

    Args:
        body_bytes: of one request, where its path has no limit of its own.
        body_bytes_of: limits of single paths.
        body_s: until the whole body must have arrived.
        held_bytes: of the bodies of all requests that arrive or are answered.
        requests_per_s, burst: of one client (its IP address) in the long run, and at once; None for no limit.
    """

    body_bytes: int = 64 * 1024
    body_bytes_of: Mapping[str, int] = field(default_factory=dict[str, int])
    body_s: float = 30.0
    held_bytes: int = 512 * 2**20
    requests_per_s: float | None = 50.0
    burst: int = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused: a status, a code for programs, a sentence for people."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class HeldBodies:
    """The bytes of all bodies that a server holds.

    Args:
        max_bytes: how many it may hold.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = 0

    def take(self, count: int) -> bool:
        """Count so many bytes more; False, and nothing is counted, where that is too many."""
        if self._held + count > self._max_bytes:
            return False
        self._held += count
        return True

    def give_back(self, count: int) -> None:
        """Count so many bytes less."""
        self._held -= count


class LimitedBody:
    """The body of one request as it arrives, within its limits.

    Attributes:
        refusal: set once the body is too large or too slow, or all bodies together are too large; the application is
            then told that the client has left.

    Args:
        receive: gives its parts.
        max_bytes, within_s: how large it may be, and how long it may take.
        others: counts its bytes among those of all bodies until `release`; None counts nothing.
    """

    def __init__(self, receive: Receive, max_bytes: int, within_s: float, others: HeldBodies | None = None) -> None:
        self.refusal: Refusal | None = None
        self._others = others
        self._held = 0
        self._receive = receive
        self._max_bytes = max_bytes
        self._within_s = within_s
        self._deadline_s = time.monotonic() + within_s
        self._taken = 0
        self._is_complete = False

    async def __call__(self) -> MutableMapping[str, Any]:
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if self._is_complete:
            return await self._receive()  # waits for the client to leave
        try:
            async with asyncio.timeout(max(0.0, self._deadline_s - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            text = f"the request did not arrive within {self._within_s:g} s: send it faster"
            self.refusal = Refusal(408, "too_slow", text)
            return {"type": "http.disconnect"}
        self._taken += len(message.get("body", b""))
        if self._taken > self._max_bytes:
            self.refusal = too_large(self._max_bytes)
            return {"type": "http.disconnect"}
        if self._others is not None:
            if not self._others.take(self._taken - self._held):
                text = "the server holds as many requests as it may: try again in a second"
                self.refusal = Refusal(503, "busy", text, ((b"retry-after", b"1"),))
                return {"type": "http.disconnect"}
            self._held = self._taken
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    def release(self) -> None:
        """The request is answered: its body counts no longer."""
        if self._others is not None:
            self._others.give_back(self._held)
        self._held = 0

    async def drain(self, for_s: float) -> None:
        """Read on for a moment, so that a client that is still sending finds the answer before the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                while not self._is_complete:
                    message = await self._receive()
                    self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)


class ClientRates:
    """Requests a second of each client."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._buckets: dict[str, TokenBucket] = {}

    def spend(self, client: str) -> Refusal | None:
        """Count a request; returns why it is refused, or None."""
        rate = self._limits.requests_per_s
        if rate is None:
            return None
        bucket = self._buckets.get(client)
        if bucket is None:
            if len(self._buckets) >= _MAX_CLIENTS:
                self._forget()
            bucket = self._buckets.setdefault(client, TokenBucket(self._limits.burst, rate))
        if bucket.is_spent:
            wait_s = max(1, math.ceil(1 / rate))
            text = f"this client sends more than {rate:g} requests a second: wait {wait_s} s"
            return Refusal(429, "too_many", text, ((b"retry-after", str(wait_s).encode()),))
        bucket.spend()
        return None

    def _forget(self) -> None:
        """Forget the clients that have been quiet; if none was, the one seen first."""
        for client in [client for client, bucket in self._buckets.items() if bucket.is_full]:
            del self._buckets[client]
        if len(self._buckets) >= _MAX_CLIENTS:
            del self._buckets[next(iter(self._buckets))]


def too_large(max_bytes: int) -> Refusal:
    """The refusal of a body that is too large."""
    size = f"{max_bytes / 2**20:.3g} MiB" if max_bytes >= 2**20 else f"{max_bytes / 1024:.3g} KiB"
    return Refusal(413, "too_large", f"the request is larger than {size}: send less")
