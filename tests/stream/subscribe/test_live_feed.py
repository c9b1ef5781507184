"""A live feed gives the newest message of each source, and pictures only of those that it watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from groundcast.stream.options import SourceOptions
from groundcast.stream.subscribe.live_feed import LiveFeed
from groundcast.stream.wire.message_types import DetectionMessage, StatusMessage

from ..blob_detector import BlobDetector
from ..running_node import Node


async def test_pictures_come_while_a_source_is_watched_and_of_no_other(clip: str, detector: BlobDetector) -> None:
    messages: list[DetectionMessage] = []
    statuses: list[StatusMessage] = []
    cameras = [SourceOptions(name, clip, pace="realtime", loop=True) for name in ("left", "right")]
    with Node(detector, *cameras, stays=True) as node:
        feed = LiveFeed(node.publisher.address, messages.append, statuses.append)
        running = asyncio.ensure_future(feed.run())
        try:
            await until(lambda: {one.source for one in messages} == {"left", "right"} and bool(statuses))
            assert node.publisher.pictures == 0
            assert all(one.picture is None for one in messages)

            feed.watch({"left"})
            await until(lambda: messages[-1].picture is not None)
            feed.watch(())
            await asyncio.sleep(0.5)
            encoded = node.publisher.pictures
            await asyncio.sleep(0.5)

            assert {one.source for one in messages if one.picture is not None} == {"left"}
            assert node.publisher.pictures == encoded
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            feed.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60.0):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)
