"""The MQTT bridge with a real broker: nothing is lost over its restarts, and every fault is one sentence."""

from __future__ import annotations

import json
import logging
import ssl
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.stream.bridges.disk_queue import DiskQueue
from groundcast.stream.bridges.event_bridge import EventBridge
from groundcast.stream.bridges.feed import FeedOptions
from groundcast.stream.bridges.mqtt_sender import MqttOptions, MqttSender
from groundcast.stream.bridges.mqtt_topics import MqttTopics
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher

from ...waiting import eventually
from ..spoken import ANY_PORT, JPEG, speaking, status
from .broker import MOSQUITTO, Broker, MqttListener, free_port
from .certificates import make_certificate
from .told_events import SOURCES, counted, numbers_of, running, tell

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs Debian's mosquitto")


@contextmanager
def publisher_of_events() -> Generator[Publisher]:
    with Publisher(PublisherOptions(ANY_PORT, high_water_mark=50_000), "bench") as publisher:
        yield publisher


@contextmanager
def bridged(
    publisher: Publisher, folder: Path, options: MqttOptions, *, discovery: str | None = None
) -> Generator[tuple[EventBridge, DiskQueue]]:
    """A bridge from a publisher to a broker."""
    queue = DiskQueue(folder / "queue")
    topics = MqttTopics("groundcast", "tests", discovery, snapshots=True)
    bridge = EventBridge(FeedOptions(publisher.address), queue, MqttSender(options, queue, topics))
    with running(bridge):
        # Until the bridge receives what the publisher sends.
        assert eventually(lambda: publisher.send_status(status(0, source="door")) or bridge.figures.statuses > 0)
        yield bridge, queue
    queue.close()


def to(broker: Broker, **values: object) -> MqttOptions:
    return replace(
        MqttOptions("127.0.0.1", broker.port, "groundcast-tests", max_wait_s=0.5, first_wait_s=0.2), **values
    )  # type: ignore[arg-type]


def deliver_over_restarts(folder: Path, count: int, restarts: int, every_s: float) -> tuple[MqttListener, EventBridge]:
    """Events of two sources, `count` each, while the broker is ended and started again."""
    with Broker(folder) as broker, publisher_of_events() as publisher:
        with (
            MqttListener(broker.port, "groundcast/+/+/event") as listener,
            bridged(publisher, folder, to(broker)) as (bridge, queue),
        ):
            telling = threading.Thread(target=tell, args=(publisher, range(1, count + 1), every_s))
            telling.start()
            for _ in range(restarts):
                time.sleep(count * every_s / (restarts + 1))
                broker.restart()
            telling.join()
            assert eventually(lambda: bridge.figures.received == 2 * count, 60)
            assert eventually(lambda: len(queue) == 0, 120)
            assert eventually(lambda: sum(map(len, numbers_of(listener.payloads("event")).values())) == 2 * count, 60)
        return listener, bridge


def test_no_event_is_lost_over_restarts_of_the_broker_and_the_order_of_each_source_stays(tmp_path: Path) -> None:
    listener, bridge = deliver_over_restarts(tmp_path, 100, 2, 0.01)

    assert numbers_of(listener.payloads("event")) == {source: list(range(1, 101)) for source in SOURCES}
    assert 2 <= bridge.figures.sent["connections"] <= 3  # both restarts may fall into one wait
    assert bridge.figures.sent["dropped"] == 0


@pytest.mark.bar
@pytest.mark.slow
def test_ten_thousand_events_over_five_restarts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began_s = time.monotonic()
    listener, bridge = deliver_over_restarts(tmp_path, 5000, 5, 0.004)

    bodies = listener.payloads("event")
    with capsys.disabled():
        print(f"\n{len(bodies)} arrived for 10000 told, {time.monotonic() - began_s:.1f} s, {bridge.figures}")
    assert numbers_of(bodies) == {source: list(range(1, 5001)) for source in SOURCES}


def test_what_waits_is_delivered_by_the_next_run_of_the_bridge(tmp_path: Path) -> None:
    with (
        Broker(tmp_path) as broker,
        publisher_of_events() as publisher,
        MqttListener(broker.port, "groundcast/+/+/event") as listener,
    ):
        broker.stop()
        with bridged(publisher, tmp_path, to(broker)) as (bridge, queue):
            tell(publisher, range(1, 11))
            assert eventually(lambda: len(queue) == 20)
        assert bridge.figures.sent["delivered"] == 0
        broker.start()
        with bridged(publisher, tmp_path, to(broker)):
            assert eventually(lambda: len(listener.payloads("event")) == 20)

    assert numbers_of(listener.payloads("event")) == {source: list(range(1, 11)) for source in SOURCES}


def test_a_late_subscriber_gets_state_and_counts_and_the_last_will(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker, publisher_of_events() as publisher:
        with bridged(publisher, tmp_path, to(broker), discovery="homeassistant"):
            publisher.send_status(replace(status(9, source="door"), counts=(counted(4, 9),)))
            with MqttListener(broker.port, "#") as listener:
                assert eventually(lambda: set(counts_of(listener).values()) == {b"4", b"9"})
            with MqttListener(broker.port, "#") as listener:
                assert eventually(lambda: len(listener.payloads("/config")) == 6)
                assert json.loads(listener.payloads("bench/door/state")[-1])["state"] == "running"
                assert listener.payloads("bridge/tests")[-1] == b"online"
                assert all(is_retained for _, _, is_retained in listener.received)
                found = {topic: json.loads(body) for topic, body, _ in listener.received if topic.endswith("/config")}
        with MqttListener(broker.port, "groundcast/bridge/tests") as after:
            assert eventually(lambda: after.payloads("tests")[-1:] == [b"offline"])

    for topic, settings in found.items():
        assert topic.startswith("homeassistant/")
        assert settings["availability_topic"] == "groundcast/bridge/tests"
        assert settings["device"]["identifiers"] == ["groundcast_bench_door"]
    sensors = [settings for topic, settings in found.items() if "/sensor/" in topic and "state_class" in settings]
    assert {one["name"] for one in sensors} == {"Shelf A red mug now", "Shelf A red mug entered"}
    assert {one["state_topic"] for one in sensors} == set(counts_of(listener))


def counts_of(listener: MqttListener) -> dict[str, bytes]:
    return {topic: body for topic, body, _ in listener.received if "/count/" in topic}


def test_a_picture_is_sent_when_it_is_asked_for(tmp_path: Path) -> None:
    with (
        Broker(tmp_path) as broker,
        publisher_of_events() as publisher,
        bridged(publisher, tmp_path, to(broker)),
        MqttListener(broker.port, "groundcast/bench/wrist/snapshot") as listener,
        speaking(publisher),
    ):
        assert not publisher.wants_pictures("wrist")
        listener.publish("groundcast/bench/wrist/snapshot/get")
        assert eventually(lambda: listener.payloads("snapshot") == [JPEG])
        assert eventually(lambda: not publisher.wants_pictures("wrist"))


def said_by(folder: Path, options: MqttOptions, caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings of a bridge that cannot deliver; the node goes on and events wait."""
    caplog.set_level(logging.INFO)
    with publisher_of_events() as publisher, bridged(publisher, folder, options) as (bridge, queue):
        tell(publisher, range(1, 6))
        assert eventually(lambda: len(queue) == 10)
        assert eventually(lambda: any(record.levelno == logging.WARNING for record in caplog.records))
        time.sleep(0.5)
    assert bridge.figures.sent["delivered"] == 0
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_broker_that_is_not_there_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    (said,) = said_by(tmp_path, MqttOptions("127.0.0.1", port, "tests", first_wait_s=0.05), caplog)

    assert said.startswith(f"broker mqtt://127.0.0.1:{port} cannot be reached (Connection refused):")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_refused_password_is_one_sentence_without_the_password(
    version: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subprocess.run(["mosquitto_passwd", "-b", "-c", tmp_path / "users", "eyes", "right"], check=True)
    with Broker(tmp_path, "allow_anonymous false", f"password_file {tmp_path / 'users'}") as broker:
        options = to(broker, user="eyes", password="hunter2-wrong", version=version, first_wait_s=0.05)
        (said,) = said_by(tmp_path, options, caplog)

    assert "refuses the connection" in said
    assert "check user, password" in said
    assert "hunter2" not in caplog.text + repr(options)


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")  # paho leaves a failed handshake's to Python
def test_a_wrong_certificate_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate, key = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, "other")
    with Broker(tmp_path, f"certfile {certificate}", f"keyfile {key}") as broker:
        wrong = to(broker, tls=ssl.create_default_context(cafile=str(other)), first_wait_s=0.05)
        (said,) = said_by(tmp_path, wrong, caplog)
        caplog.clear()
        right = to(broker, tls=ssl.create_default_context(cafile=str(certificate)))
        with publisher_of_events() as publisher, bridged(publisher, tmp_path, right) as (_, queue):
            assert eventually(lambda: len(queue) == 0)

    assert "has a certificate that is refused" in said
