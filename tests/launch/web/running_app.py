"""An ASGI application behind the guard, on a socket of its own, for tests."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from groundcast.launch.web.access import Access
from groundcast.launch.web.http_server import bind_web_socket, web_server


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class RunningApp:
    """Where an application runs.

    Args:
        port: of its socket on 127.0.0.1.
    """

    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Answer:
        """One request on a connection of its own; `_` in a header's name means `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            found = connection.getresponse()
            return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()


@contextmanager
def running_app(app: Callable[..., Any], access: Access) -> Generator[RunningApp]:
    """Run an application in a thread until the block is left."""
    listener = bind_web_socket(access)
    server = web_server(app, access)

    def serve() -> None:
        asyncio.run(server.serve(sockets=[listener]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield RunningApp(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(60.0)
        assert not thread.is_alive()
