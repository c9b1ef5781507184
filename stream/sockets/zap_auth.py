"""Lets only clients whose keys are allowed through to a node's sockets, and tells when one is so no longer.

ZeroMQ's CURVE proves who is who and encrypts what travels (https://rfc.zeromq.org/spec/26); it asks us by ZAP
(https://rfc.zeromq.org/spec/27) about every key at its handshake, and never again afterwards.
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
from .rejections import Rejections
from .wake import Wake

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_MS = 1000  # at the folder of keys
_LOOK_AGAIN_AFTER_S = 0.2  # however many questions come
_WATCH_EVERY_MS = 100  # handshakes
_EVENTS_AT_ONCE = 200  # then the limit is enforced and keys are looked at
_SHUT_OUT_S = 60.0
_ZAP = "inproc://zeromq.zap.01"
_WRONG_SERVER_KEY = int(zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


class ZapAuthError(OSError):
    """The gate's thread has failed, and nobody new is let in."""


class ZapAuth:
    """Stands before the sockets of one ZeroMQ context, in a thread of its own.

    Whoever owns the sockets makes the gate, hands it to `bind`, lets the binding `look` when `on_change` is called, and
    closes it from the sockets' own thread before they are closed.

    Attributes:
        rejected_connections: those that were turned away.

    Args:
        context: of the sockets; no other gate stands in it.
        keys: the folder with the node's own pair and the clients that are allowed.
        purpose: what clients come for, which decides which of them are allowed.
        on_change: called from the gate's thread when `must_bind_anew` has something to say.
        rejected_connections: where to count, if not on its own.

    Raises:
        KeyFileError: the node's pair is missing, or others could have changed the folder.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keys: Path,
        purpose: Purpose,
        on_change: Callable[[], None] = lambda: None,
        rejected_connections: Rejections | None = None,
    ) -> None:
        self._pair = read_node_pair(keys)
        self._allowed = AllowList(keys, purpose)
        self._purpose = purpose
        self._on_change = on_change
        self.rejected_connections = rejected_connections or Rejections(purpose)
        if not self._allowed:
            _LOG.warning("nobody may %s yet: groundcast keys allow NAME --folder %s", purpose, keys)
        self._context = context
        self._guarded: list[zmq.Socket[bytes]] = []
        self._monitors: list[zmq.Socket[bytes]] = []
        self._new_monitors: deque[zmq.Socket[bytes]] = deque()
        self._shut_out_until_s: dict[str, float] = {}
        self._limit: HandshakeLimit | None = None
        self._next_look_s = 0.0
        self._revoked = threading.Event()
        self._closing = False
        self._failure: Exception | None = None
        self._zap = context.socket(zmq.REP)
        self._zap.set(zmq.LINGER, 0)
        self._zap.bind(_ZAP)
        self._wake = Wake()
        self._thread = threading.Thread(target=self._run, name=f"gate-{purpose}", daemon=True)
        self._thread.start()

    def guard(self, server: zmq.Socket[bytes], port: int | None) -> None:
        """Demand allowed keys at a socket that is not bound yet.

        Args:
            server: no other is guarded by this gate.
            port: the TCP port where strangers can reach it; None for a socket file.
        """
        server.set(zmq.CURVE_SERVER, 1)
        server.set(zmq.CURVE_SECRETKEY, self._pair.secret)
        server.set(zmq.ZAP_DOMAIN, self._purpose.encode())
        server.set(zmq.ZAP_ENFORCE_DOMAIN, 1)  # nobody passes while nobody answers
        self._limit = None if port is None else HandshakeLimit(port)
        self._guarded.append(server)
        self._new_monitors.append(self._watch(server))
        self._wake.ring()

    def must_bind_anew(self) -> bool:
        """Whether a client that may be connected was revoked since the last time this was asked.

        Raises:
            GateError: the gate has failed.
        """
        if self._failure is not None:
            raise ZapAuthError(f"the gate before {self._purpose} has failed: {self._failure}") from self._failure
        was_revoked = self._revoked.is_set()
        if was_revoked:  # one that comes from here on is told of the next time
            self._revoked.clear()
        return was_revoked

    def remind(self) -> None:
        """Have `must_bind_anew` say yes again within a second: it could not be done yet."""
        self._revoked.set()

    def shut_out(self, name: str) -> None:
        """Do not let this client in for a minute, although it is allowed."""
        self._shut_out_until_s[name] = time.monotonic() + _SHUT_OUT_S

    def close(self) -> None:
        """Let nobody in any more. Twice does no harm."""
        if self._closing:
            return
        self._closing = True
        self._wake.ring()
        self._thread.join()
        for server in self._guarded:
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
        except Exception as error:  # noqa: BLE001  the edge of a thread: the sockets' owner ends the node
            _LOG.exception("the gate's thread failed")
            self._failure = error
            self._on_change()

    def _serve(self) -> None:
        poller = zmq.Poller()
        for source in (self._zap, self._wake.fileno(), *self._monitors):
            poller.register(source, zmq.POLLIN)
        is_watching = self._limit is not None and self._limit.is_watching
        poller.poll(_WATCH_EVERY_MS if is_watching else _LOOK_EVERY_MS)
        self._wake.hear()
        while self._new_monitors:
            self._monitors.append(self._new_monitors.popleft())
        if time.monotonic() >= self._next_look_s or self._allowed.is_stale:
            self._next_look_s = time.monotonic() + _LOOK_AGAIN_AFTER_S
            if self._allowed.refresh():
                self._revoked.set()
        if self._revoked.is_set():
            self._on_change()
        self._answer()
        for monitor in self._monitors:
            self._hear(monitor)
        if self._limit is not None:
            for address in self._limit.enforce():
                self.rejected_connections.turn_away("too_many", address)

    def _watch(self, server: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
        """Where ZeroMQ tells of new connections and of failed handshakes.

        While it tells, there must be somebody to hear, or its own thread waits, and whoever ends the telling waits for
        that one, without letting other threads of Python run.
        """
        address = f"inproc://gate-{secrets.token_hex(8)}"
        server.monitor(address, zmq.EVENT_ACCEPTED | _FAILED)
        monitor = self._context.socket(zmq.PAIR)
        monitor.set(zmq.RCVHWM, 0)  # ZeroMQ's own thread would wait for us if there were no room
        monitor.connect(address)
        return monitor

    def _answer(self) -> None:
        """Answer one question about a key, if there is one."""
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
            self.rejected_connections.turn_away("unknown_key", _caller(address.decode("ascii", "replace")))
        elif time.monotonic() < self._shut_out_until_s.get(name, 0.0):
            self.rejected_connections.turn_away("flood", name)
        else:
            self._zap.send_multipart([version, request, b"200", b"OK", name.encode(), b""])
            return
        self._zap.send_multipart([version, request, b"400", b"not allowed", b"", b""])

    def _hear(self, monitor: zmq.Socket[bytes]) -> None:
        """Note new connections, and count the handshakes that never came as far as a question."""
        for _ in range(_EVENTS_AT_ONCE):
            try:
                event = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            if event["event"] == zmq.EVENT_ACCEPTED and self._limit is not None:
                self._limit.note(int(event["value"]))
            elif event["event"] & _FAILED:
                self.rejected_connections.turn_away(
                    "wrong_node_key" if event["value"] == _WRONG_SERVER_KEY else "no_handshake", ""
                )


def _caller(address: str) -> str:
    """An IP address as it is; of a socket file's caller, which ZeroMQ tells as localhost:uid:gid:pid, the user."""
    host, *ids = address.split(":")
    return f"user {ids[0]} of this host" if host == "localhost" and len(ids) == 3 else address
