"""Event stream: a subscriber's events, for `for` and `async for`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..wire.message_types import EventMessage


class EventStream:
    """Gives events until every wanted source has ended.

    Args:
        take: waits for the next event; None after the last.
        wait: the same, for asyncio.
    """

    def __init__(
        self, take: Callable[[], EventMessage | None], wait: Callable[[], Awaitable[EventMessage | None]]
    ) -> None:
        self._take = take
        self._wait = wait

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> EventMessage:
        if (event := self._take()) is None:
            raise StopIteration
        return event

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> EventMessage:
        if (event := await self._wait()) is None:
            raise StopAsyncIteration
        return event
