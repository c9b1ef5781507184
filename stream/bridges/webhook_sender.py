"""Webhook sender: posts what waits in a queue to a URL, signed, in order per source, until the server takes it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..wire.message_types import DetectionMessage, StatusMessage
from .disk_queue import DiskQueue, QueuedItem
from .fault_log import FaultLog

_LOG = logging.getLogger(__name__)
SIGNATURE = "X-Groundcast-Signature"
_NEVER_TAKEN = (400, 413, 415, 422)  # the server has read it, and will not take it another time either
_IDLE_S = 0.05
_FLUSH_S = 2.0
_MAX_ANSWER_BYTES = 65_536


class WebhookError(ValueError):
    """A URL that cannot be posted to; one sentence that shows no secret."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where events are posted.

    Args:
        url: https, or http; its path and query are secret, and never shown.
        secret: the key of the signature; None signs nothing.
        tls: for https; None takes the system's authorities.
        timeout_s: how long the server may take for each step.
        first_wait_s, max_wait_s: between two tries; the wait doubles.
    """

    url: str = field(repr=False)
    secret: bytes | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    timeout_s: float = 10.0
    first_wait_s: float = 0.5
    max_wait_s: float = 60.0


@dataclass(slots=True)
class _Lane:
    wait_s: float
    next_try_s: float = 0.0


def signature(secret: bytes, unix_s: int, body: bytes) -> str:
    """The header's text: the time, and HMAC-SHA256 of the time, a full stop and the body, in hexadecimal digits."""
    signed = hmac.new(secret, str(unix_s).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={signed}"


class WebhookSender:
    """Posts one event at a time. A source whose event is not taken waits; the others go on.

    Errors of the server and of the network are tried again for ever; 400, 413, 415 and 422 drop the event, count and
    report it. A redirect is not followed.

    Attributes:
        failure: what ended the thread, None while all is well.

    Raises:
        WebhookError: not a URL to post to.
    """

    def __init__(self, options: WebhookOptions, queue: DiskQueue) -> None:
        self.failure: Exception | None = None
        self._options = options
        self._queue = queue
        self._host, self._port, self._path, self._is_https = _parts(options.url)
        self._place = f"{'https' if self._is_https else 'http'}://{self._host}:{self._port}"
        self._connection: http.client.HTTPConnection | None = None
        self._lanes: dict[str, _Lane] = {}
        self._counts = {"delivered": 0, "tries_failed": 0, "rejected": 0}
        self._faults = FaultLog(_LOG)
        self._is_failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge-sender", daemon=True)

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    @property
    def wants_pictures(self) -> bool:
        return False

    @property
    def place(self) -> str:
        """The server, without the parts of the URL that are secret."""
        return self._place

    def start(self) -> None:
        self._thread.start()

    def take_status(self, status: StatusMessage) -> None:
        """A webhook carries events alone."""

    def take_picture(self, message: DetectionMessage) -> None:
        """Pictures go with events."""

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_FLUSH_S)
        connection = self._connection
        if self._thread.is_alive() and connection is not None and (hanging := connection.sock) is not None:
            with contextlib.suppress(OSError):
                hanging.shutdown(socket.SHUT_RDWR)  # the server hangs: the event stays in the queue
        if self._thread.is_alive():
            self._thread.join(timeout=self._options.timeout_s)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._post_next():
                    self._stop.wait(_IDLE_S)
            deadline_s = time.monotonic() + _FLUSH_S / 2
            while not self._is_failing and time.monotonic() < deadline_s and self._post_next():
                pass
        except Exception as error:  # noqa: BLE001 - the bridge ends with it
            _LOG.exception("the sender has failed: this is a fault in groundcast")
            self.failure = error
        self._disconnect()

    def _post_next(self) -> bool:
        """Post the oldest event of a source that need not wait; False if there is none, or it was not taken."""
        now_s = time.monotonic()
        waiting = [lane for lane, state in self._lanes.items() if state.next_try_s > now_s]
        items = self._queue.after(0, 1, without=waiting)
        if not items:
            return False
        (item,) = items
        fault = self._post(item)
        self._is_failing = fault is not None
        if fault is None:
            self._lanes.pop(item.lane, None)
            self._queue.remove([item.id])
            return True
        self._counts["tries_failed"] += 1
        lane = self._lanes.setdefault(item.lane, _Lane(self._options.first_wait_s))
        lane.next_try_s = time.monotonic() + lane.wait_s * random.uniform(0.7, 1.0)
        lane.wait_s = min(2 * lane.wait_s, self._options.max_wait_s)
        self._faults.warn(f"{self._place} takes no events ({fault}): {len(self._queue)} wait, and are tried again")
        return False

    def _post(self, item: QueuedItem) -> str | None:
        """Post one event. Returns why it is to be tried again, or None when it is done with."""
        headers = {"Content-Type": "application/json", "X-Groundcast-Id": item.key, "User-Agent": "groundcast"}
        if self._options.secret is not None:
            headers[SIGNATURE] = signature(self._options.secret, int(time.time()), item.body)
        try:
            connection = self._connected()
            connection.request("POST", self._path, item.body, headers)
            answer = connection.getresponse()
            if len(answer.read(_MAX_ANSWER_BYTES)) == _MAX_ANSWER_BYTES or answer.will_close:
                self._disconnect()
        except ssl.SSLCertVerificationError as error:
            self._disconnect()
            return f"its certificate is refused: {error.verify_message}"
        except (OSError, http.client.HTTPException) as error:
            self._disconnect()
            return _said_by(error)
        return self._judge(answer.status)

    def _judge(self, status: int) -> str | None:
        if 200 <= status < 300:
            self._counts["delivered"] += 1
            self._faults.clear()
            return None
        if status in _NEVER_TAKEN:
            self._counts["rejected"] += 1
            self._faults.warn(f"{self._place} rejected an event with {status}: it is dropped")
            return None
        if 300 <= status < 400:
            return f"it answers {status}, a redirect: give the URL it leads to"
        if status in (401, 403):
            return f"it answers {status}: check the secret and the URL"
        return f"it answers {status}"

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            timeout_s = self._options.timeout_s
            if self._is_https:
                tls = self._options.tls or ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=tls)
            else:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _said_by(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _parts(url: str) -> tuple[str, int, str, bool]:
    """Host, port, path with query, and whether it is https."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WebhookError("the webhook's URL has a host or a port that cannot be: write https://HOST/PATH") from None
    if parts.scheme not in ("http", "https") or not host:
        raise WebhookError("the webhook's URL must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise WebhookError("the webhook's URL must hold no user and no password: sign with a secret")
    if not url.isascii() or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise WebhookError("the webhook's URL must be of printable ASCII letters: write others as %XX")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_https = parts.scheme == "https"
    return host, port or (443 if is_https else 80), path, is_https
