"""ZAP authentication: admits only clients whose keys are allowed to a node's socket, and notices revoked ones.

ZeroMQ's CURVE proves both ends' keys and encrypts what travels (https://rfc.zeromq.org/spec/26). By ZAP
(https://rfc.zeromq.org/spec/27) it asks about every key at its handshake, and never again afterwards.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from .allow_list import AllowList, Purpose
from .handshake_limit import HandshakeLimit
from .key_files import read_node_pair
from .own_context import Context
from .rejections import Rejections
from .wake import Wake

_LOG = logging.getLogger(__name__)
_REFRESH_EVERY_MS = 1000  # the allowed keys
_MIN_REFRESH_S = 0.2  # between two, however many requests come
_WATCH_EVERY_MS = 100  # handshakes
_MAX_EVENTS_AT_ONCE = 200  # then the limit is enforced and keys are refreshed
_REJECT_S = 60.0
_ZAP = "inproc://zeromq.zap.01"
_WRONG_SERVER_KEY = int(zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


class ZapAuthError(OSError):
    """The authentication's thread has failed, and no client is admitted any more."""


class ZapAuth:
    """Answers ZAP requests of one ZeroMQ context, in a thread of its own.

    Its owner, the bound socket, closes it from the socket's own thread before the socket is closed.

    Args:
        context: of the socket; it has no other ZAP handler.
        keys: the folder with the node's own pair and the clients that are allowed.
        purpose: what clients come for, which decides which of them are allowed.
        on_change: called from this object's thread when `was_client_revoked` may be true, or has an error to raise.
        rejected_connections: where rejected clients are counted.

    Raises:
        KeyFileError: the node's pair is missing, or others could have changed the folder.
    """

    def __init__(
        self,
        context: Context,
        keys: Path,
        purpose: Purpose,
        on_change: Callable[[], None],
        rejected_connections: Rejections,
    ) -> None:
        self._pair = read_node_pair(keys)
        self._allowed = AllowList(keys, purpose)
        self._purpose = purpose
        self._on_change = on_change
        self._rejected_connections = rejected_connections
        if not self._allowed:
            _LOG.warning("no client may %s yet: groundcast keys allow NAME --folder %s", purpose, keys)
        self._context = context
        self._servers: list[zmq.Socket[bytes]] = []
        self._monitors: list[zmq.Socket[bytes]] = []
        self._new_monitors: deque[zmq.Socket[bytes]] = deque()
        self._rejected_until_s: dict[str, float] = {}
        self._limit: HandshakeLimit | None = None
        self._next_refresh_s = 0.0
        self._revoked = threading.Event()
        self._closing = False
        self._failure: Exception | None = None
        self._zap = context.socket(zmq.REP)
        self._zap.set(zmq.LINGER, 0)
        self._zap.bind(_ZAP)
        self._wake = Wake()
        self._thread = threading.Thread(target=self._run, name=f"zap-{purpose}", daemon=True)
        self._thread.start()

    def guard(self, server: zmq.Socket[bytes], port: int | None) -> None:
        """Demand allowed keys at a socket that is not bound yet.

        Args:
            server: the only one of this context.
            port: the TCP port where others can reach it; None for a socket file.
        """
        server.set(zmq.CURVE_SERVER, 1)
        server.set(zmq.CURVE_SECRETKEY, self._pair.secret)
        server.set(zmq.ZAP_DOMAIN, self._purpose.encode())
        server.set(zmq.ZAP_ENFORCE_DOMAIN, 1)  # no client is admitted while no thread answers
        self._limit = None if port is None else HandshakeLimit(port)
        self._servers.append(server)
        self._new_monitors.append(self._watch(server))
        self._wake.set()

    def was_client_revoked(self) -> bool:
        """Whether a client that may be connected was revoked since the last call.

        Raises:
            ZapAuthError: the thread has failed.
        """
        if self._failure is not None:
            raise ZapAuthError(
                f"the authentication of {self._purpose} clients has failed: {self._failure}"
            ) from self._failure
        was_revoked = self._revoked.is_set()
        if was_revoked:  # one that comes from here on counts for the next call
            self._revoked.clear()
        return was_revoked

    def remind(self) -> None:
        """Make `was_client_revoked` true again within a second: the connections could not be dropped yet."""
        self._revoked.set()

    def reject_client(self, name: str) -> None:
        """Reject this client for a minute, although its key is allowed."""
        self._rejected_until_s[name] = time.monotonic() + _REJECT_S

    def close(self) -> None:
        """Admit no client any more. Twice does no harm."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        self._thread.join()
        for server in self._servers:
            if not server.closed:
                server.disable_monitor()
        for own in (self._zap, *self._monitors, *self._new_monitors):
            own.close(linger=0)
        if self._limit is not None:
            self._limit.close()
        self._wake.close()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._serve()
        except Exception as error:  # noqa: BLE001  the edge of a thread: the socket's owner ends the node
            _LOG.exception("the ZAP thread failed")
            self._failure = error
            self._on_change()

    def _serve(self) -> None:
        poller = zmq.Poller()
        for source in (self._zap, self._wake.fileno(), *self._monitors):
            poller.register(source, zmq.POLLIN)
        is_watching = self._limit is not None and self._limit.is_watching
        poller.poll(_WATCH_EVERY_MS if is_watching else _REFRESH_EVERY_MS)
        self._wake.clear()
        while self._new_monitors:
            self._monitors.append(self._new_monitors.popleft())
        if time.monotonic() >= self._next_refresh_s or self._allowed.is_stale:
            self._next_refresh_s = time.monotonic() + _MIN_REFRESH_S
            if self._allowed.refresh():
                self._revoked.set()
        if self._revoked.is_set():
            self._on_change()
        self._answer()
        for monitor in self._monitors:
            self._read_events(monitor)
        if self._limit is not None:
            for address in self._limit.enforce():
                self._rejected_connections.add("too_many", address)

    def _watch(self, server: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
        """A monitor: ZeroMQ's events of new connections and of failed handshakes.

        A thread must receive them for as long as they are sent: otherwise ZeroMQ's own thread waits, and
        `disable_monitor` waits for it without letting other Python threads run.
        """
        address = f"inproc://monitor-{secrets.token_hex(8)}"
        server.monitor(address, zmq.EVENT_ACCEPTED | _FAILED)
        monitor = self._context.socket(zmq.PAIR)
        monitor.set(zmq.RCVHWM, 0)  # with a limit, ZeroMQ's own thread would wait for us
        monitor.connect(address)
        return monitor

    def _answer(self) -> None:
        """Answer one ZAP request, if there is one."""
        try:
            version, request, _domain, address, _identity, mechanism, *credentials = self._zap.recv_multipart(
                zmq.NOBLOCK
            )
        except zmq.Again:
            return
        name = None
        if mechanism == b"CURVE" and len(credentials) == 1:
            name = self._allowed.name_of(z85.encode(credentials[0]))
        if name is None:
            self._rejected_connections.add("unknown_key", _client_at(address.decode("ascii", "replace")))
        elif time.monotonic() < self._rejected_until_s.get(name, 0.0):
            self._rejected_connections.add("flood", name)
        else:
            self._zap.send_multipart([version, request, b"200", b"OK", name.encode(), b""])
            return
        self._zap.send_multipart([version, request, b"400", b"not allowed", b"", b""])

    def _read_events(self, monitor: zmq.Socket[bytes]) -> None:
        """Note new connections, and count the handshakes that failed before a ZAP request."""
        for _ in range(_MAX_EVENTS_AT_ONCE):
            try:
                event = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            if event["event"] == zmq.EVENT_ACCEPTED and self._limit is not None:
                self._limit.note(int(event["value"]))
            elif event["event"] & _FAILED:
                self._rejected_connections.add(
                    "wrong_node_key" if event["value"] == _WRONG_SERVER_KEY else "no_handshake", ""
                )


def _client_at(address: str) -> str:
    """An IP address as it is; for a client at a socket file, which ZeroMQ gives as localhost:uid:gid:pid, the user."""
    host, *ids = address.split(":")
    return f"user {ids[0]} of this host" if host == "localhost" and len(ids) == 3 else address
