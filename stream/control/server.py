"""Control server: a ROUTER socket that takes requests to a running node, in a thread of its own.

Any client that can connect may change what the node does; the address decides which can (see bound_socket.py).
No message can end the thread or hold up other clients, and only a complete and valid request changes anything. A
message that is no request is answered with an error, with `id` null where it has none; only a message whose frames are
not [body], or [empty, body] as REQ sockets send it, is dropped without an answer and counted.
"""

from __future__ import annotations

import errno
import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import zmq

from ...model.prompt import PromptError
from ..node.node_api import CommandError, NodeApi
from ..options import ControlOptions
from ..sockets.bound_socket import BoundSocket
from ..sockets.connect import NOTICE_DEAD_PEERS
from ..sockets.rejections import Reason
from ..sockets.wake import Wake
from ..wire.topics import MessageError
from .answers import Map
from .codec import ParsedRequest, RequestError, accepted, lease_event, parse_request, refused
from .executor import RequestExecutor, Waits
from .lease_holders import LeaseHolders
from .requests import Ask, Later, Pool, Release, Request

_LOG = logging.getLogger(__name__)
_MAX_REQUEST_BYTES = 256 * 2**10
_MAX_UNREAD_ANSWERS = 32  # of a client that does not read
_MAX_UNREAD_REQUESTS = 64  # of a client, before this thread reads them
_MAX_WAITING, _MAX_WAITING_OF_CLIENT, _MAX_WAITING_OF_USER = 256, 16, 64
_LOOPBACK = ("::1", "::ffff:127.0.0.1")
_MAX_AT_ONCE = 100
_THREADS: dict[Pool, int] = {"quick": 2, "sources": 1, "pictures": 2}
_LEASE_EVENT_S = 1.0
_CLOSES_WITHIN_S = 0.5
_ROUTER_OPTIONS: dict[zmq.SocketOption, int] = {
    zmq.ROUTER_MANDATORY: 1,  # an error when a client is gone
    zmq.MAXMSGSIZE: _MAX_REQUEST_BYTES,
    zmq.SNDHWM: _MAX_UNREAD_ANSWERS,
    zmq.RCVHWM: _MAX_UNREAD_REQUESTS,
    **NOTICE_DEAD_PEERS,
}


@dataclass(frozen=True, slots=True)
class _Peer:
    """The client that sent a request.

    Args:
        client: the connection.
        user: the name of its key. Without keys its process, at a socket file, or its address; "" on loopback, where
            all clients have the same address.
        envelope: the frames before its request, and so before its answer.
    """

    client: bytes
    user: str
    envelope: tuple[bytes, ...]

    @property
    def name(self) -> str:
        return f"{self.user}/{self.client.hex()}" if self.user else self.client.hex()


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer to send, and the lease that it grants or ends."""

    peer: _Peer
    body: bytes
    granted: str | None = None
    seconds: float = 0.0
    ended: str | None = None


class ControlServer:
    """Binds at once, and takes requests from `start` on; earlier ones wait.

    A client's requests are carried out and answered in the order in which they arrive; only a refusal that needs no
    answer of the node is sent at once. A lease ends within about two seconds of the DEALER socket that renewed it last;
    a REQ socket's lease ends with its time.

    Attributes:
        address: what clients connect to; with port 0 or '*' the port that was chosen.
        dropped: messages that could not be answered, and answers that their clients did not read.
        failure: what ended the thread, None while all is well.

    Raises:
        BindError: a bad or busy address, or one that others can reach without keys.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(self, options: ControlOptions) -> None:
        self.dropped = 0
        self.failure: Exception | None = None
        self._outbox: deque[_Answer] = deque()  # filled by the pools, emptied by the thread
        self._holders = LeaseHolders[_Peer]()
        self._next_event_s = 0.0
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake = Wake()
        try:
            self._router = BoundSocket(
                zmq.ROUTER,
                _ROUTER_OPTIONS,
                options.address,
                "control",
                insecure=options.insecure,
                keys=options.keys,
                on_change=self._wake.set,
            )
        except (OSError, ValueError):
            self._wake.close()
            raise
        self._socket = self._router.socket
        self.address = self._router.address

    @property
    def rejected_connections(self) -> Mapping[Reason, int]:
        """Rejected connections by reason; empty without keys."""
        return self._router.rejected_connections.counts if self._router.has_keys else {}

    def start(self, node: NodeApi, on_failure: Callable[[], None]) -> None:
        """Take requests.

        Args:
            node: carries them out.
            on_failure: called from the thread if it fails.
        """
        self._node = node
        self._on_failure = on_failure
        self._executor = RequestExecutor(_THREADS, _MAX_WAITING, _MAX_WAITING_OF_CLIENT, _MAX_WAITING_OF_USER)
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait half a second for running requests, and release the address. May be called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread is None:
            self._router.close(_CLOSES_WITHIN_S)
        else:
            self._wake.set()
            self._thread.join()
        self._wake.close()

    def __enter__(self) -> ControlServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._serve()
            self._executor.close(_CLOSES_WITHIN_S)
            self._send_answers()
        except Exception as error:  # noqa: BLE001  the edge of a thread: the node is told to end
            _LOG.exception("the control socket's thread failed")
            self.failure = error
            self._on_failure()
        finally:
            self._router.close(_CLOSES_WITHIN_S)

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake.fileno(), zmq.POLLIN)
        while not self._closing.is_set():
            poller.poll(self._until_event_ms())
            self._wake.clear()
            self._router.maintain()
            self._receive()
            self._send_answers()
            self._send_lease_events()

    def _receive(self) -> None:
        for _ in range(_MAX_AT_ONCE):  # then the answers, even if a client floods the node
            try:
                received = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            client, *envelope, body = [frame.bytes for frame in received]
            if envelope in ([], [b""]):
                self._take(_Peer(client, self._user_of(received[-1]), tuple(envelope)), body)
            else:
                self.dropped += 1

    def _take(self, peer: _Peer, body: bytes) -> None:
        try:
            parsed = parse_request(body)
        except RequestError as error:
            self._send(_Answer(peer, refused(error.request_id, error.code, str(error))))
            return
        carry_out = functools.partial(parsed.request.carry_out, self._node, peer.name)
        job = functools.partial(self._carry_out, peer, parsed, carry_out)
        if not self._executor.put(peer.client, peer.user or peer.name, parsed.request.pool, job):
            text = "too many requests wait: try again when some are answered"
            self._send(_Answer(peer, refused(parsed.id, "busy", text)))

    def _carry_out(self, peer: _Peer, parsed: ParsedRequest, carry_out: Callable[[], Map | Later]) -> Waits | None:
        """In a pool: call the node, and leave the answer for the socket's thread."""
        try:
            values = carry_out()
            if isinstance(values, Later):
                return Waits(values.ready, functools.partial(self._carry_out, peer, parsed, values.values))
            answer = _answer(peer, parsed, values)
        except CommandError as error:
            answer = _Answer(peer, refused(parsed.id, error.code, str(error)))
        except PromptError as error:
            answer = _Answer(peer, refused(parsed.id, "bad_prompt", str(error)))
        except Exception as error:  # noqa: BLE001  one request's failure must not be the node's
            _LOG.exception("a request failed: %s", type(parsed.request).__name__)
            answer = _Answer(peer, refused(parsed.id, "failed", f"the node failed to do it: {type(error).__name__}"))
        self._outbox.append(answer)
        self._wake.set()
        return None

    def _user_of(self, message: zmq.Frame) -> str:
        if self._router.has_keys:
            return str(message.get("User-Id"))
        address = str(message.get("Peer-Address"))
        if address.startswith("localhost:"):  # libzmq's address of a socket file: user, group, process
            return f"pid{address.rpartition(':')[2]}"
        return "" if address in _LOOPBACK or address.startswith("127.") else address

    def _send_answers(self) -> None:
        while self._outbox:
            answer = self._outbox.popleft()
            self._record_lease(answer)
            self._send(answer)

    def _record_lease(self, answer: _Answer) -> None:
        if answer.ended is not None:
            self._holders.drop(answer.ended)
        if answer.granted is not None:
            self._holders.drop(answer.granted)
            if not answer.peer.envelope:  # a REQ socket, which has one, fails at a message that is no answer
                self._holders.grant(answer.peer, answer.granted, time.monotonic() + answer.seconds)

    def _send(self, answer: _Answer) -> None:
        self._deliver(answer.peer, answer.body)

    def _deliver(self, peer: _Peer, body: bytes) -> None:
        try:
            self._socket.send_multipart((peer.client, *peer.envelope, body), zmq.NOBLOCK)
        except zmq.Again:
            self.dropped += 1  # connected, but does not read
        except zmq.ZMQError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
            self._forget(peer)

    def _until_event_ms(self) -> int | None:
        return max(0, int((self._next_event_s - time.monotonic()) * 1000) + 1) if self._holders else None

    def _send_lease_events(self) -> None:
        """Send lease events to the holders: ZeroMQ reports only at a send that a client is gone."""
        now_s = time.monotonic()
        if self._holders and now_s >= self._next_event_s:
            self._next_event_s = now_s + _LEASE_EVENT_S
            for holder, left in self._holders.seconds_left(now_s, self._node.leases_in_force).items():
                self._deliver(holder, lease_event(left))

    def _forget(self, peer: _Peer) -> None:
        """End the leases of a closed connection, after its last requests; if the queue is full, at the next event."""
        held = self._holders.held_by(peer)
        job = functools.partial(self._release, peer, held)
        if held and self._executor.put(peer.client, peer.user or peer.name, "quick", job):
            for lease in held:
                self._holders.drop(lease)

    def _release(self, peer: _Peer, leases: tuple[str, ...]) -> None:
        """In a pool: end the leases that no other client has renewed since."""
        for lease in leases:
            try:
                self._node.release(lease, peer.name)
            except Exception:  # noqa: BLE001  the lease ends when its time is over
                _LOG.exception("a lease of client %s, which is gone, could not be ended", peer.name)


def _answer(peer: _Peer, parsed: ParsedRequest, values: Map) -> _Answer:
    try:
        body = accepted(parsed.id, values)
    except MessageError as error:
        return _Answer(peer, refused(parsed.id, "failed", str(error)))
    request: Request = parsed.request
    if isinstance(request, Ask):
        return _Answer(peer, body, granted=str(values["lease"]), seconds=request.seconds)
    return _Answer(peer, body, ended=request.lease if isinstance(request, Release) else None)
