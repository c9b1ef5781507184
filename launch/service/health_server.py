"""HTTP server of the health pages: GET only, connections bounded in number and time."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from ...stream.sockets.endpoint import AddressError, Endpoint, parse_endpoint

_LOG = logging.getLogger(__name__)
_MAX_CONNECTIONS = 64
_REQUEST_S = 5.0  # from the connection to the last byte of the response
_LOOK_EVERY_S = 0.2  # for slow clients, and for the end
_WAIT_FOR_DESCRIPTOR_S = 0.05


class HealthError(OSError):
    """The address cannot be used; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class HttpPage:
    """One HTTP response."""

    code: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[str], HttpPage]]  # path -> makes the page from the request's Accept header


class HealthServer:
    """Serves pages in threads of its own until it is closed.

    The pages change nothing and contain no secrets, but they name cameras. Without `insecure` only this host can read
    them, and a request must name this host, so that a web site cannot read them through a browser by DNS rebinding.

    Args:
        address: host:port; port 0 takes any.
        insecure: allow an address that others can reach, which is logged.
        pages: the pages, by path.

    Attributes:
        url: of the server, without a path.

    Raises:
        HealthError: a bad, busy or forbidden address.
    """

    def __init__(self, address: str, pages: Pages, *, insecure: bool = False) -> None:
        endpoint = _endpoint(address)
        if not endpoint.is_local:
            _check_allowed(address, insecure)
        try:
            self._server = _Server(endpoint, pages, any_host=not endpoint.is_local)
        except OSError as error:
            raise HealthError(f"health address {address} cannot be used: {error.strerror or error}") from error
        host = f"[{endpoint.place}]" if endpoint.is_ipv6 else endpoint.place
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_EVERY_S,), name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> HealthServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Open:
    """A connection that is open.

    Args:
        client: the address it comes from.
        ends_s: when it must end, on the monotonic clock.
    """

    client: str
    ends_s: float


class _Server(ThreadingMixIn, TCPServer):
    """A thread for each connection, within bounds.

    Above the limit, the oldest connection of the client with the most is closed. A normal request ends within
    milliseconds, so slow clients cannot keep it out.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, endpoint: Endpoint, pages: Pages, *, any_host: bool) -> None:
        self.address_family = socket.AF_INET6 if endpoint.is_ipv6 else socket.AF_INET
        self.pages = pages
        self.any_host = any_host
        self._open: dict[socket.socket, _Open] = {}  # the oldest first
        self._lock = threading.Lock()
        super().__init__((endpoint.place, endpoint.port or 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:  # most likely no descriptor is free: socketserver would try again at once
            time.sleep(_WAIT_FOR_DESCRIPTOR_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= _MAX_CONNECTIONS:
                counts = Counter(each.client for each in self._open.values())
                busiest = max(counts, key=counts.__getitem__)
                oldest = next(one for one, each in self._open.items() if each.client == busiest)
                del self._open[oldest]
                _disconnect(oldest)
            self._open[request] = _Open(client_address[0], time.monotonic() + _REQUEST_S)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:  # called after each connection and each _LOOK_EVERY_S
        with self._lock:
            for request, each in self._open.items():
                if time.monotonic() > each.ends_s:
                    _disconnect(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # not when the client has disconnected
            _LOG.exception("a health page could not be made")


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = _REQUEST_S  # of a single read

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _refuse(self) -> None:
        self.send_error(405)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _answer(self) -> None:
        if not self.server.any_host and not _names_this_host(self.headers.get_all("Host", [])):
            self.send_error(421)
            return
        make = self.server.pages.get(self.path.partition("?")[0])
        if make is None:
            self.send_error(404)
            return
        page = make(self.headers.get("Accept", ""))
        self.send_response(page.code)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def version_string(self) -> str:
        return "groundcast"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Log nothing: probes come every few seconds."""


def _endpoint(address: str) -> Endpoint:
    try:
        return parse_endpoint(f"tcp://{address}")
    except AddressError as error:
        raise HealthError(f"health address {address!r} must look like 127.0.0.1:9108") from error


def _check_allowed(address: str, insecure: bool) -> None:
    if not insecure:
        raise HealthError(
            f"health address {address} can be reached by others: bind to 127.0.0.1, or set health.insecure if "
            "every client on that network may read the pages"
        )
    _LOG.warning("health address %s is insecure: every client that can reach it can read the pages", address)


def _names_this_host(hosts: Sequence[str]) -> bool:
    """Whether a request's Host header names this host, by an IP address or by its own name."""
    if not hosts:  # HTTP/1.0; browsers always send it
        return True
    try:
        named = urlsplit(f"//{hosts[0]}").hostname or ""
        ipaddress.ip_address(named)
    except ValueError:
        named = hosts[0].partition(":")[0].lower()
        return len(hosts) == 1 and named in ("localhost", socket.gethostname().lower())
    return len(hosts) == 1


def _disconnect(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client has disconnected
        request.shutdown(socket.SHUT_RDWR)
