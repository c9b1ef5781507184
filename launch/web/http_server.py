"""HTTP server: runs an ASGI application on one address, with connections bounded in number and time."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .access import Access, AccessError

_MAX_CONNECTIONS = 512
_HEADER_S = 10.0  # from a connection, or its last answer, to the next complete request header
_MAX_HEADER_BYTES = 32 * 1024
_MAX_MESSAGE_BYTES = 64 * 1024  # of a WebSocket, from the client
_BACKLOG = 256


def bind_web_socket(access: Access) -> socket.socket:
    """A listening socket on the address.

    Raises:
        AccessError: it is busy, or cannot be had.
    """
    endpoint = access.endpoint
    family = socket.AF_INET6 if endpoint.is_ipv6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. asyncio sets it only where the socket names its protocol; without it the body of an
        # answer waits 40 ms for the client to acknowledge the header.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((endpoint.place, endpoint.port or 0))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{endpoint.place}:{endpoint.port}"
        reason = error.strerror or str(error)
        raise AccessError(f"web address {where} cannot be used ({reason}): name another") from error
    listener.setblocking(False)
    return listener


def url_of(access: Access, listener: socket.socket) -> str:
    """The URL under which a browser on this host reaches the server."""
    endpoint = access.endpoint
    place = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(endpoint.place, endpoint.place)
    host = f"[{place}]" if ":" in place else place
    return f"{access.scheme}://{host}:{listener.getsockname()[1]}"


def web_server(app: Callable[..., Any], access: Access, *, end_within_s: float = 2.0) -> uvicorn.Server:
    """A server for `app`, to be run with `run_web_server`, or with `serve(sockets=[...])` in a loop of one's own."""
    certificate, private_key = access.tls or (None, None)
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        loop="asyncio",
        lifespan="on",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        ws_max_size=_MAX_MESSAGE_BYTES,
        ws_max_queue=16,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(max(1.0, end_within_s)),
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
    )
    return uvicorn.Server(config)


def run_web_server(app: Callable[..., Any], access: Access, listener: socket.socket) -> None:
    """Run until SIGINT or SIGTERM."""
    web_server(app, access).run(sockets=[listener])


class BoundedConnection(H11Protocol):
    """A connection that must send a complete request header in time, and gives way when there are too many.

    Above the limit the oldest idle connection of the client with the most is closed: one that opens a thousand sockets
    keeps no other client out.
    """

    _timer: asyncio.TimerHandle | None = None
    _is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._arm()
        open_now = [one for one in self.connections if isinstance(one, BoundedConnection)]
        if len(open_now) > _MAX_CONNECTIONS:
            _close_idle(open_now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_idle and not self._is_upgraded:
            self._arm()
        else:
            self._disarm()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._is_upgraded = True
        super().handle_websocket_upgrade(event)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle = cast("Any", self.cycle)
        return cycle is None or cycle.response_complete

    @property
    def since_s(self) -> float:
        """When it must have sent its next request; infinite while one is answered."""
        return float("inf") if self._timer is None else self._timer.when()

    def give_way(self) -> None:
        """Close the connection at once."""
        self._disarm()
        if not self.transport.is_closing():
            self.transport.abort()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_HEADER_S, self.give_way)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _close_idle(connections: list[BoundedConnection]) -> None:
    counts = Counter(_client_of(one) for one in connections)
    busiest, _ = counts.most_common(1)[0]
    theirs = [one for one in connections if _client_of(one) == busiest]
    idle = [one for one in theirs if one.is_idle]
    min(idle or theirs, key=lambda one: one.since_s).give_way()


def _client_of(connection: BoundedConnection) -> str:
    return str((connection.client or ("?",))[0])
