"""The end of a viewer and of the hub, whatever else happens in the same turn of the loop."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from groundcast.launch.web.hub import Hub
from groundcast.launch.web.viewer import Viewer

_TURNS = range(8)
_WITHIN_S = 20.0


class _Browser:
    """The server's end of a WebSocket whose browser takes everything, and leaves when it is told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def accept(self) -> None:
        pass

    async def receive_text(self) -> str:
        await self.left.wait()
        raise WebSocketDisconnect

    async def send_text(self, _text: str) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("turns", _TURNS)
async def test_a_viewer_that_leaves_as_a_message_wakes_it_is_gone(turns: int) -> None:
    browser = _Browser()
    viewer = Viewer(cast("WebSocket", browser), None, lambda: None)
    running = asyncio.ensure_future(viewer.run())
    await _turn(8)  # it waits for something to send

    browser.left.set()
    await _turn(turns)
    viewer.tell({"type": "events", "events": []})

    done, _ = await asyncio.wait([running], timeout=_WITHIN_S)
    assert done == {running}


@pytest.mark.parametrize("turns", _TURNS)
async def test_a_hub_that_is_ended_as_a_viewer_comes_leaves_nothing_running(turns: int) -> None:
    before = asyncio.all_tasks()
    browser = _Browser()
    hub = Hub("tcp://127.0.0.1:9", None, lambda _name: None)
    running = asyncio.ensure_future(hub.run())
    await _turn(8)
    watching = asyncio.ensure_future(hub.serve(cast("WebSocket", browser)))

    await _turn(turns)
    running.cancel()

    await asyncio.wait([running], timeout=_WITHIN_S)
    browser.left.set()
    await asyncio.wait([watching], timeout=_WITHIN_S)
    await _turn(8)
    assert asyncio.all_tasks() - before == set()
    await hub.close()


async def _turn(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
