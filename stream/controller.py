"""Controller: a client of a node's control socket, which needs only pyzmq and msgpack."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar, cast

import zmq

from ..model.prompt import Phrase, Prompt, PromptError
from .control.answers import left_out, phrase_map, read_applied, read_lease, read_picture, read_status
from .node.node_api import Applied, Lease, NodeStatus
from .sockets.client_keys import Keys
from .sockets.client_socket import ClientSocket
from .wire.message_fields import Fields
from .wire.message_types import DetectionMessage
from .wire.packing import MAX_BODY_BYTES, pack, unpack
from .wire.topics import MessageError

T = TypeVar("T")
Phrases = str | Sequence[str | Phrase]
_MAX_RENEWAL_S = 5.0
_MAX_POLL_S = 1.0


class ControlError(RuntimeError):
    """The node refuses a request; nothing has changed.

    Args:
        code: for programs; control.schema.json lists the node's codes; bad_answer means that an answer is invalid.
        text: one sentence.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class NoAnswerError(ControlError, TimeoutError):
    """The node did not answer in time. It may have carried out the request, or may do so later."""


class Controller:
    """Sends requests to one node.

        with Controller("tcp://127.0.0.1:5571") as node:
            node.set_prompt("red mug . blue cube")
            with node.ask("bolt"):
                ...  # the node also finds bolts while this block runs

    Use it from one thread; ZeroMQ connects again when the node is restarted. Where a source may be named, None means
    all. Every method raises ControlError, with the node's code, and NoAnswerError.

    Args:
        address: where the node takes requests, such as tcp://127.0.0.1:5571.
        timeout_s: how long an answer may take.
        keys: for a node that requires them: the folder with the client's key and the node's.

    Raises:
        ConnectError: not an address that can be connected to.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(self, address: str, timeout_s: float = 5.0, *, keys: Keys | None = None) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self._keys = keys
        self._ids = itertools.count(1)
        options: dict[zmq.SocketOption, int] = {
            zmq.IMMEDIATE: 1,  # a node that starts later must not receive requests that are given up by then
            zmq.MAXMSGSIZE: MAX_BODY_BYTES,
        }
        self._client = ClientSocket(zmq.DEALER, options, address, keys)
        self._socket = self._client.socket

    def status(self) -> NodeStatus:
        """The state of the node and its sources; `sources` returns their settings."""
        status, left = self._request("status", _status_page)
        while left:  # long prompts of many sources do not fit into one answer
            page, left = self._request("status", _status_page, skip=len(status.sources))
            known = {one.source for one in status.sources}
            more = tuple(one for one in page.sources if one.source not in known)
            status = replace(page, prompts={**status.prompts, **page.prompts}, sources=(*status.sources, *more))
            left *= bool(more)
        return status

    def sources(self) -> list[dict[str, Any]]:
        """Each source's `settings` as in a settings file, without secrets; its `state`, and whether it is `paused`."""
        sources, left = self._request("list", _sources_page)
        while left:
            page, left = self._request("list", _sources_page, skip=len(sources))
            sources += page
            left *= bool(page)
        return sources

    def set_prompt(
        self,
        prompt: Phrases | Prompt,
        source: str | None = None,
        if_version: int | None = None,
        *,
        everywhere: bool = False,
    ) -> Applied:
        """Set the prompt of one source, or of all that have none of their own.

        With `everywhere` of all: those that had one of their own lose it. The answer names those that were changed.
        With `if_version` only while that is the newest version, so that a client overwrites no change it has not seen.
        """
        phrases = prompt.phrases if isinstance(prompt, Prompt) else prompt
        everywhere_or_absent = everywhere or None  # an older node does not know the key
        return self._change(
            "set_prompt",
            prompt=_phrase_values(phrases),
            source=source,
            if_version=if_version,
            everywhere=everywhere_or_absent,
        )

    def set_thresholds(
        self, thresholds: Mapping[str, float], source: str | None = None, if_version: int | None = None
    ) -> Applied:
        """Change the minimum scores of phrases in the prompt, by name."""
        return self._change("set_thresholds", thresholds=dict(thresholds), source=source, if_version=if_version)

    def add_source(self, settings: Mapping[str, object]) -> Applied:
        """Add a source: `name`, `url` and any other key that a settings file has for it."""
        return self._change("add_source", source=dict(settings))

    def update_source(self, settings: Mapping[str, object]) -> Applied:
        """Change the settings of the source of this `name`; keys that are not given keep their values."""
        return self._change("update_source", source=dict(settings))

    def remove_source(self, name: str) -> Applied:
        """Remove a source."""
        return self._change("remove_source", source=name)

    def put_zone(self, source: str, zone: Mapping[str, object]) -> Applied:
        """Add a zone to a source, or replace the one of its name; the keys are those of a settings file."""
        return self._change("put_zone", source=source, zone=dict(zone))

    def put_line(self, source: str, line: Mapping[str, object]) -> Applied:
        """Add a line to a source, or replace the one of its name; the keys are those of a settings file."""
        return self._change("put_line", source=source, line=dict(line))

    def remove_place(self, source: str, name: str) -> Applied:
        """Remove a zone or a line from a source."""
        return self._change("remove_place", source=source, name=name)

    def reset_tracks(self, source: str | None = None) -> Applied:
        """End all tracks; objects that are still there get new ids."""
        return self._change("reset_tracks", source=source)

    def pause(self, source: str | None = None) -> Applied:
        """Pause detection until `resume`."""
        return self._change("pause", source=source)

    def resume(self, source: str | None = None) -> Applied:
        """Resume detection."""
        return self._change("resume", source=source)

    def picture(self, source: str, timeout_s: float = 2.0) -> tuple[bytes, DetectionMessage]:
        """The next picture of a source as JPEG, and the message that belongs to it."""
        return self._request("picture", read_picture, timeout_s, source=source, timeout_s=timeout_s)

    def ask(self, phrases: Phrases, source: str | None = None, seconds: float = 10.0) -> RenewedLease:
        """Lease phrases, beside the prompt and other leases, until the block is left or `close` is called.

        Args:
            phrases: as in a prompt.
            source: in this one alone.
            seconds: how long the lease lasts if this program hangs; if it ends, the node notices within two seconds.
        """
        return RenewedLease(Controller(self.address, self.timeout_s, keys=self._keys), phrases, source, seconds)

    def lease(self, phrases: Phrases, seconds: float, source: str | None = None, lease: str | None = None) -> Lease:
        """Lease phrases for so long, or, with the id of a lease, renew it. It ends with this connection."""
        values = _phrase_values(phrases)
        return self._request("ask", read_lease, phrases=values, seconds=seconds, source=source, lease=lease)

    def release(self, lease: str) -> Applied:
        """End a lease before its time. An unknown lease is no error."""
        return self._change("release", lease=lease)

    def close(self) -> None:
        """Close the connection, which ends its leases. May be called twice."""
        self._client.close()

    def __enter__(self) -> Controller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _change(self, operation: str, **values: object) -> Applied:
        return self._request(operation, read_applied, **values)

    def _request(self, operation: str, read: Callable[[Fields], T], more_s: float = 0.0, /, **values: object) -> T:
        deadline_s = time.monotonic() + self.timeout_s + more_s
        request_id = next(self._ids)
        given = {key: value for key, value in values.items() if value is not None}
        try:
            self._wait(zmq.POLLOUT, deadline_s)
            self._socket.send(pack({"id": request_id, "op": operation, **given}))
            return read(self._answer(request_id, deadline_s))
        except (MessageError, PromptError) as error:
            raise ControlError("bad_answer", f"{self.address} and this program do not agree: {error}") from error

    def _answer(self, request_id: int, deadline_s: float) -> Fields:
        """The answer to a request. Other messages are lease events, and answers that arrive too late."""
        while True:
            self._wait(zmq.POLLIN, deadline_s)
            fields = Fields(unpack(self._socket.recv()), "the answer")
            if fields.maybe(fields.anything, "id") == request_id:
                break
        if not fields.flag("ok"):
            error = fields.fields("error")
            raise ControlError(error.text("code"), error.text("message"))
        return fields

    def _wait(self, event: int, deadline_s: float) -> None:
        while True:
            self._client.maintain()
            left_s = deadline_s - time.monotonic()
            if self._socket.poll(max(0, int(min(left_s, _MAX_POLL_S) * 1000) + 1), event):
                return
            if left_s <= 0:
                raise NoAnswerError("no_answer", self._timeout_text(event))

    def _timeout_text(self, event: int) -> str:
        text = f"no answer from {self.address} within {self.timeout_s:g} s"
        if self._client.refusal is not None:
            return f"{text}: {self._client.refusal}"
        return text if event == zmq.POLLIN else f"{text}: is a node running there?"


class RenewedLease:
    """A lease that lasts until `close`: a thread renews it, on a connection of its own.

    After a restart of the node, or a lost connection, the thread takes a new lease.

    Attributes:
        lease: as it was last renewed.
        error: why the last renewal failed; None if it did not.
    """

    def __init__(self, controller: Controller, phrases: Phrases, source: str | None, seconds: float) -> None:
        self.error: ControlError | None = None
        self._controller = controller
        self._arguments = (phrases, seconds, source)
        self._every_s = min(seconds / 3, _MAX_RENEWAL_S)
        self._stop = threading.Event()
        try:
            self.lease = controller.lease(*self._arguments)
        except BaseException:
            controller.close()
            raise
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the lease. May be called twice."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        if self.error is None:
            with contextlib.suppress(ControlError):  # the lease ends with the connection
                self._controller.release(self.lease.id)
        self._controller.close()

    def __enter__(self) -> RenewedLease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _renew(self) -> None:
        while not self._stop.wait(self._every_s):
            error = self._try(self.lease.id)
            if error is not None and error.code == "unknown_lease":
                error = self._try(None)
            self.error = error  # None if a new lease was granted

    def _try(self, lease: str | None) -> ControlError | None:
        try:
            self.lease = self._controller.lease(*self._arguments, lease)
        except ControlError as error:
            return error
        return None


def _status_page(fields: Fields) -> tuple[NodeStatus, int]:
    return read_status(fields), left_out(fields)


def _sources_page(fields: Fields) -> tuple[list[dict[str, Any]], int]:
    return [cast("dict[str, Any]", one) for one in fields.items("sources")], left_out(fields)


def _phrase_values(phrases: Phrases) -> object:
    if isinstance(phrases, str):
        return phrases
    return [phrase if isinstance(phrase, str) else phrase_map(phrase) for phrase in phrases]
