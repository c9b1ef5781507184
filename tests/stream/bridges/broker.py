"""An MQTT broker for tests: Debian's mosquitto, which can be ended and started again with what it knew."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ...waiting import eventually

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


class Broker:
    """Mosquitto on a free port of the loopback interface.

    Args:
        folder: for its files.
        settings: more lines of its configuration.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self._settings = folder / "mosquitto.conf"
        anonymous = [] if any(line.startswith("allow_anonymous") for line in settings) else ["allow_anonymous true"]
        lines = [
            "user root", "persistence true", f"persistence_location {folder}/", "autosave_interval 1",
            "max_queued_messages 0", f"listener {self.port} 127.0.0.1", *anonymous, *settings,
        ]  # fmt: skip
        self._settings.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert eventually(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
        self._process = None

    def restart(self, pause_s: float = 0.2) -> None:
        self.stop()
        time.sleep(pause_s)
        self.start()

    def __enter__(self) -> Broker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            return False
        return True


class MqttListener:
    """A subscriber whose session outlives its connection and the broker.

    Attributes:
        received: (topic, payload, retained) in the order in which they came.
    """

    def __init__(self, port: int, topic: str) -> None:
        self.received: list[tuple[str, bytes, bool]] = []
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="listener",
            protocol=MQTTProtocolVersion.MQTTv311,
            clean_session=False,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = self._on_message
        self._is_subscribed = False

        def on_subscribe(*_: Any) -> None:
            self._is_subscribed = True

        self._client.on_subscribe = on_subscribe
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(topic, qos=1)
        self._client.loop_start()
        assert eventually(lambda: self._is_subscribed)

    def payloads(self, ending: str) -> list[bytes]:
        return [payload for topic, payload, _ in self.received if topic.endswith(ending)]

    def publish(self, topic: str, payload: bytes = b"") -> None:
        self._client.publish(topic, payload)

    def __enter__(self) -> MqttListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.loop_stop()
        self._client.disconnect()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.received.append((message.topic, bytes(message.payload), message.retain))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
