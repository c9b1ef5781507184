"""`groundcast bridge mqtt`: what it refuses, and a run from a node to a broker."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher

from ...stream.bridges.broker import MOSQUITTO, Broker, MqttListener
from ...stream.bridges.told_events import tell
from ...stream.spoken import ANY_PORT, status
from ...waiting import eventually
from ..commands import in_process
from .test_ros2 import bridge_process


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mqtt://192.0.2.1"], "192.0.2.1 would get everything unencrypted: give mqtts://192.0.2.1, or say --insecure"),
        (["http://broker"], "the broker must be written mqtts://HOST"),
        (["mqtts://eve:hunter2@broker"], "must hold no user and no password"),
        (["mqtt://localhost", "--kind", "jump"], "--kind jump is no kind of event: there are enter,"),
        (["mqtt://localhost", "--topic", "a/#"], "'a/#' cannot stand in a topic"),
        (["mqtts://broker", "--ca", "none.pem"], "--ca none.pem cannot be used"),
        (["mqtt://localhost", "--password-file", "none"], "none cannot be read"),
    ],
)
def test_wrong_input_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "bridge", "mqtt", *arguments, "--queue", tmp_path / "queue")

    assert ended.code == 2
    assert said in ended.sentence
    assert "hunter2" not in ended.err


def test_a_password_that_others_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    file.chmod(0o644)

    ended = in_process(capsys, "bridge", "mqtt", "mqtt://localhost", "--user", "eyes", "--password-file", file)

    assert (ended.code, "can be read by other users: chmod 600" in ended.sentence) == (2, True)


@pytest.mark.skipif(MOSQUITTO is None, reason="needs Debian's mosquitto")
def test_events_reach_a_broker_and_ctrl_c_ends_in_good_order(tmp_path: Path) -> None:
    with (
        Broker(tmp_path) as broker,
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        MqttListener(broker.port, "groundcast/#") as listener,
        bridge_process(
            *("mqtt", f"mqtt://127.0.0.1:{broker.port}", "--address", publisher.address),
            *("--queue", tmp_path / "queue", "--name", "shop", "--json"),
        ) as bridge,
    ):
        assert eventually(
            lambda: publisher.send_status(status(0, source="door")) or bool(listener.payloads("bench/door/state"))
        )
        tell(publisher, range(1, 11))
        assert eventually(lambda: len(listener.payloads("/event")) == 20)
        bridge.send_signal(signal.SIGINT)
        said, _ = bridge.communicate(timeout=60)
        assert eventually(lambda: listener.payloads("bridge/shop")[-1] == b"offline")

    figures = json.loads(said)
    assert bridge.returncode == 0
    assert (figures["received"], figures["sent"]["delivered"], figures["waiting"]) == (20, 20, 0)
