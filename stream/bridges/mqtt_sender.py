"""MQTT sender: publishes what waits in a queue, and the state of the sources, to a broker."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from ..wire.message_types import DetectionMessage, StatusMessage
from .disk_queue import DiskQueue
from .fault_log import FaultLog
from .mqtt_topics import OFFLINE, ONLINE, MqttTopics

_LOG = logging.getLogger(__name__)
_MAX_UNACKNOWLEDGED = 20
_KEEPALIVE_S = 20
_IDLE_S = 0.05
_FLUSH_S = 2.0
_MAX_REQUESTED = 64
_MAX_RETAINED = 20_000  # topics; more than sources, zones and phrases of a sane node


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """How to reach the broker.

    Args:
        host, port: of the broker.
        client_id: names this client; a second one of the same name makes the broker end the first.
        user, password: where the broker demands them.
        tls: None for a connection that is not encrypted.
        version: of the protocol.
        timeout_s: how long connecting may take.
        first_wait_s, max_wait_s: between two tries; the wait doubles.
    """

    host: str
    port: int
    client_id: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    version: Literal["5", "3.1.1"] = "5"
    timeout_s: float = 5.0
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0


class MqttSender:
    """Publishes events with QoS 1 in the order of the queue, and keeps the state of each source retained.

    An event leaves the queue when the broker has acknowledged it. After a lost connection those that were not
    acknowledged are published again, so that a subscriber may see one twice; its `id` tells.

    Attributes:
        failure: what ended the thread, None while all is well.
    """

    def __init__(self, options: MqttOptions, queue: DiskQueue, topics: MqttTopics) -> None:
        self.failure: Exception | None = None
        self._options = options
        self._queue = queue
        self._topics = topics
        self._retained: dict[str, str] = {}
        self._changed: dict[str, str] = {}  # topic -> value, not sent yet
        self._requested: set[str] = set()
        self._snapshots: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._unacknowledged: dict[int, int] = {}  # message id -> the queue's id
        self._sent_to = 0
        self._is_accepted = False
        self._refusal = ""
        self._counts = {"delivered": 0, "rejected": 0, "connections": 0}
        self._faults = FaultLog(_LOG)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge-sender", daemon=True)

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    @property
    def place(self) -> str:
        return f"{'mqtts' if self._options.tls else 'mqtt'}://{self._options.host}:{self._options.port}"

    @property
    def wants_pictures(self) -> bool:
        return bool(self._requested)

    def start(self) -> None:
        self._thread.start()

    def take_status(self, status: StatusMessage) -> None:
        with self._lock:
            for topic, value in self._topics.retained(status):
                if self._retained.get(topic) != value and (topic in self._retained or self._has_room()):
                    self._retained[topic] = self._changed[topic] = value

    def take_picture(self, message: DetectionMessage) -> None:
        lane = f"{message.node}/{message.source}"
        with self._lock:
            if lane in self._requested and message.picture is not None:
                self._requested.discard(lane)
                self._snapshots[lane] = message.picture

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._options.timeout_s + 2 * _FLUSH_S)

    def _has_room(self) -> bool:
        return len(self._retained) < _MAX_RETAINED

    def _run(self) -> None:
        try:
            self._serve_until_stopped()
        except Exception as error:  # noqa: BLE001 - the bridge ends with it
            _LOG.exception("the sender has failed: this is a fault in groundcast")
            self.failure = error

    def _serve_until_stopped(self) -> None:
        wait_s = self._options.first_wait_s
        while not self._stop.is_set():
            client = self._client()
            fault = self._serve(client)
            if self._is_accepted:
                wait_s = self._options.first_wait_s
            if fault and not self._stop.is_set():
                self._faults.warn(f"broker {self.place} {fault}: {len(self._queue)} events wait, and it is tried again")
                self._stop.wait(wait_s * random.uniform(0.7, 1.0))
                wait_s = min(2 * wait_s, self._options.max_wait_s)

    def _client(self) -> Client:
        """A client for one connection: what it has not delivered by its end is still in the queue."""
        options = self._options
        is_five = options.version == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=options.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if is_five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = options.timeout_s
        client.max_inflight_messages_set(_MAX_UNACKNOWLEDGED)
        if options.user is not None:
            client.username_pw_set(options.user, options.password)
        if options.tls is not None:
            client.tls_set_context(options.tls)
        client.will_set(self._topics.availability, OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _serve(self, client: Client) -> str:
        """Use one connection until it ends. Returns why it did, as the end of a sentence; "" when told to stop."""
        self._unacknowledged.clear()
        self._sent_to, self._is_accepted, self._refusal = 0, False, ""
        try:
            client.connect(self._options.host, self._options.port, _KEEPALIVE_S)
        except ssl.SSLCertVerificationError as error:
            return f"has a certificate that is refused ({error.verify_message})"
        except ssl.SSLError as error:
            return f"cannot be spoken to with TLS ({error.reason or 'no TLS there'})"
        except (OSError, ValueError) as error:
            return f"cannot be reached ({getattr(error, 'strerror', None) or error})"
        deadline_s = time.monotonic() + self._options.timeout_s
        stop_s = float("inf")
        while time.monotonic() < stop_s:
            if self._stop.is_set():
                stop_s = min(stop_s, time.monotonic() + _FLUSH_S)
            is_idle = self._publish(client) if self._is_accepted else True
            if client.loop(_IDLE_S if is_idle else 0.0) != MQTTErrorCode.MQTT_ERR_SUCCESS or self._refusal:
                return self._refusal or "closed the connection"
            if self._stop.is_set() and (not self._is_accepted or (is_idle and not self._unacknowledged)):
                break
            if not self._is_accepted and time.monotonic() > deadline_s:
                return "does not answer"
        if self._is_accepted:
            client.publish(self._topics.availability, OFFLINE, qos=1, retain=True)
            client.loop(_IDLE_S)
        client.disconnect()
        return ""

    def _publish(self, client: Client) -> bool:
        """Publish what has changed, and events as far as the window allows. Returns whether there was nothing."""
        with self._lock:
            changed, self._changed = self._changed, {}
            snapshots, self._snapshots = self._snapshots, {}
        for topic, value in changed.items():
            client.publish(topic, value, qos=1, retain=True)
        for lane, jpeg in snapshots.items():
            client.publish(self._topics.snapshot(lane), jpeg, qos=0, retain=False)
        room = _MAX_UNACKNOWLEDGED - len(self._unacknowledged)
        items = self._queue.after(self._sent_to, room) if room > 0 else ()
        for item in items:
            info = client.publish(self._topics.event(item.lane), item.body, qos=1)
            self._unacknowledged[info.mid] = item.id
            self._sent_to = item.id
        return not (changed or snapshots or items)

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = f"refuses the connection ({reason}): check user, password and its rules"
            return
        self._is_accepted = True
        self._faults.clear()
        self._counts["connections"] += 1
        _LOG.info("connected to broker %s", self.place)
        client.publish(self._topics.availability, ONLINE, qos=1, retain=True)
        client.subscribe(self._topics.requests)
        with self._lock:
            self._changed = dict(self._retained)

    def _on_publish(self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        item = self._unacknowledged.pop(mid, None)
        if item is None:  # a retained value
            return
        if reason.is_failure:
            self._counts["rejected"] += 1
            self._faults.warn(f"broker {self.place} rejected an event ({reason}): it is dropped")
        else:
            self._counts["delivered"] += 1
        self._queue.remove([item])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        lane = self._topics.requested(message.topic)
        with self._lock:
            if lane is not None and len(self._requested) < _MAX_REQUESTED:
                self._requested.add(lane)
