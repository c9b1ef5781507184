"""Waiting for a message in an asyncio loop: a message, the time and a cancellation each end it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import zmq

from groundcast.stream.subscribe.sub_socket import wait_readable

Sockets = tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Two ends of a connection."""
    context = zmq.Context()
    ours, theirs = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    ours.bind("inproc://ours")
    theirs.connect("inproc://ours")
    yield ours, theirs
    context.destroy(linger=0)


async def test_a_message_ends_the_wait(sockets: Sockets) -> None:
    ours, theirs = sockets
    waiting = asyncio.ensure_future(wait_readable(ours, 60.0))
    await asyncio.sleep(0)
    theirs.send(b"a message")
    await asyncio.wait_for(waiting, 20.0)
    assert ours.recv(zmq.NOBLOCK) == b"a message"


async def test_the_time_ends_the_wait(sockets: Sockets) -> None:
    began_s = time.monotonic()
    await wait_readable(sockets[0], 0.05)
    assert time.monotonic() - began_s > 0.04


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancellation_is_not_lost_as_a_message_arrives(sockets: Sockets, turns: int) -> None:
    ours, theirs = sockets
    waiting = asyncio.ensure_future(wait_readable(ours, 60.0))
    await asyncio.sleep(0)
    theirs.send(b"a message")
    for _ in range(turns):
        await asyncio.sleep(0)
    is_cancelled = waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert waiting.cancelled() == is_cancelled
