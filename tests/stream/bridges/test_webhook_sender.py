"""The webhook bridge with a real server: nothing is lost, each source keeps its order, and secrets stay secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import random
import ssl
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groundcast.stream.bridges.disk_queue import DiskQueue
from groundcast.stream.bridges.event_bridge import EventBridge
from groundcast.stream.bridges.feed import FeedOptions
from groundcast.stream.bridges.webhook_sender import SIGNATURE, WebhookError, WebhookOptions, WebhookSender
from groundcast.stream.event import EventKind
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher

from ...waiting import eventually
from ..spoken import ANY_PORT, JPEG, speaking, status
from .broker import free_port
from .certificates import make_certificate
from .told_events import SOURCES, event, numbers_of, running, tell
from .webhook_server import WebhookServer


@contextmanager
def bridged(
    folder: Path, options: WebhookOptions, kinds: list[EventKind] | None = None, *, pictures: bool = False
) -> Generator[tuple[Publisher, EventBridge, DiskQueue]]:
    """A publisher of events, and a bridge from it that receives what it sends."""
    with Publisher(PublisherOptions(ANY_PORT, high_water_mark=50_000), "bench") as publisher:
        queue = DiskQueue(folder / "queue")
        sender = WebhookSender(options, queue)
        bridge = EventBridge(FeedOptions(publisher.address), queue, sender, kinds, pictures=pictures)
        with running(bridge):
            assert eventually(lambda: publisher.send_status(status(0)) or bridge.figures.statuses > 0)
            yield publisher, bridge, queue
        queue.close()


def quick(url: str, **values: object) -> WebhookOptions:
    settings = {"first_wait_s": 0.02, "max_wait_s": 0.1, "timeout_s": 2.0, **values}
    return WebhookOptions(url, **settings)  # type: ignore[arg-type]


def deliver(folder: Path, count: int, restarts: int, every_s: float) -> tuple[WebhookServer, EventBridge]:
    """Events to a server that fails a tenth of the requests and is started again several times."""
    rng = random.Random(3)
    with (
        WebhookServer(lambda _: rng.choice([503, *[200] * 9])) as server,
        bridged(folder, quick(server.url)) as (publisher, bridge, queue),
    ):
        telling = threading.Thread(target=tell, args=(publisher, range(1, count + 1), every_s))
        telling.start()
        for _ in range(restarts):
            time.sleep(count * every_s / (restarts + 1))
            server.restart()
        telling.join()
        assert eventually(lambda: bridge.figures.received == 2 * count, 60)
        assert eventually(lambda: len(queue) == 0, 300)
    return server, bridge


def test_no_event_is_lost_over_restarts_and_failures_and_the_order_of_each_source_stays(tmp_path: Path) -> None:
    server, bridge = deliver(tmp_path, 80, 2, 0.01)

    assert numbers_of(server.bodies) == {source: list(range(1, 81)) for source in SOURCES}
    assert bridge.figures.sent["delivered"] == 160
    assert bridge.figures.sent["dropped"] == 0
    assert server.tries > 160


@pytest.mark.bar
@pytest.mark.slow
def test_ten_thousand_events_over_five_restarts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began_s = time.monotonic()
    server, bridge = deliver(tmp_path, 5000, 5, 0.004)

    with capsys.disabled():
        seconds = time.monotonic() - began_s
        print(f"\n{len(server.bodies)} taken of 10000, {server.tries} tries, {seconds:.1f} s, {bridge.figures}")
    assert numbers_of(server.bodies) == {source: list(range(1, 5001)) for source in SOURCES}


def test_the_signature_is_of_the_time_and_the_body(tmp_path: Path) -> None:
    with (
        WebhookServer() as server,
        bridged(tmp_path, quick(server.url, secret=b"a key")) as (publisher, _, _),
    ):
        tell(publisher, [1])
        assert eventually(lambda: len(server.bodies) == 2)

    moment, signed = (part.partition("=")[2] for part in server.headers[SIGNATURE].split(","))
    expected = hmac.new(b"a key", f"{moment}.".encode() + server.bodies[-1], hashlib.sha256).hexdigest()
    assert signed == expected
    assert abs(int(moment) - time.time()) < 60
    assert server.headers["X-Groundcast-Id"] == json.loads(server.bodies[-1])["id"]


def test_a_source_whose_event_is_not_taken_holds_no_other_up(tmp_path: Path) -> None:
    with (
        WebhookServer(lambda body: 500 if b'"source":"door"' in body else 200) as server,
        bridged(tmp_path, quick(server.url)) as (publisher, _, queue),
    ):
        tell(publisher, range(1, 21))
        assert eventually(lambda: len(server.bodies) == 20)
        assert eventually(lambda: len(queue) == 20)
        assert [item.lane for item in queue.after(0, 100)] == ["bench/door"] * 20

    assert numbers_of(server.bodies)["shelf"] == list(range(1, 21))


@pytest.mark.parametrize("code", [400, 422])
def test_an_event_that_the_server_will_never_take_is_dropped_and_counted(code: int, tmp_path: Path) -> None:
    with (
        WebhookServer(lambda body: code if b'"number":2,' in body else 200) as server,
        bridged(tmp_path, quick(server.url)) as (publisher, bridge, queue),
    ):
        tell(publisher, range(1, 4))
        assert eventually(lambda: bridge.figures.received == 6 and len(queue) == 0)

    assert numbers_of(server.bodies) == {source: [1, 3] for source in SOURCES}
    assert (bridge.figures.sent["rejected"], bridge.figures.sent["delivered"]) == (2, 4)


def test_only_the_kinds_that_are_wanted_are_posted(tmp_path: Path) -> None:
    with (
        WebhookServer() as server,
        bridged(tmp_path, quick(server.url), ["enter"]) as (publisher, bridge, _),
    ):
        tell(publisher, range(1, 4))
        assert eventually(lambda: bridge.figures.received == 6)

    assert server.bodies == []


def test_a_picture_goes_with_the_event_when_that_is_asked_for(tmp_path: Path) -> None:
    with (
        WebhookServer() as server,
        bridged(tmp_path, quick(server.url), pictures=True) as (publisher, _, _),
        speaking(publisher),
    ):
        assert eventually(lambda: publisher.wants_pictures("wrist"))

        def has_picture() -> bool:
            publisher.send_event(event(len(server.bodies) + 1, "wrist"))
            time.sleep(0.05)
            return any("snapshot" in json.loads(body) for body in server.bodies)

        assert eventually(has_picture)

    found = next(values for body in server.bodies if "snapshot" in (values := json.loads(body)))
    assert base64.b64decode(found["snapshot"]["jpeg_base64"]) == JPEG
    assert found["snapshot"]["seq"] > 0


def said_by(folder: Path, options: WebhookOptions, caplog: pytest.LogCaptureFixture) -> str:
    """The warning of a bridge that cannot deliver: one, while events wait."""
    caplog.set_level(logging.INFO)
    with bridged(folder, options) as (publisher, bridge, queue):
        tell(publisher, range(1, 4))
        assert eventually(lambda: len(queue) == 6)
        assert eventually(lambda: any(record.levelno == logging.WARNING for record in caplog.records))
        time.sleep(0.3)
    assert bridge.figures.sent["delivered"] == 0
    assert "hunter2" not in caplog.text
    assert "token-5f2c" not in caplog.text
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return said


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"http://127.0.0.1:{free_port()}/hooks/token-5f2c?key=hunter2"

    assert "takes no events (Connection refused)" in said_by(tmp_path, quick(url), caplog)


@pytest.mark.parametrize(
    ("code", "said"),
    [(401, "it answers 401: check the secret"), (302, "it answers 302, a redirect"), (503, "it answers 503")],
)
def test_a_server_that_refuses_is_one_sentence(
    code: int, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with WebhookServer(lambda _: code) as server:
        assert said in said_by(tmp_path, quick(server.url), caplog)


def test_a_server_that_hangs_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()
    with WebhookServer(lambda _: 504 + over.wait(5)) as server:
        assert "no answer in time" in said_by(tmp_path, quick(server.url, timeout_s=0.2), caplog)
        over.set()


def test_a_bridge_ends_soon_while_its_server_hangs(tmp_path: Path) -> None:
    over = threading.Event()
    with WebhookServer(lambda _: 504 + over.wait(20)) as server:
        with bridged(tmp_path, quick(server.url, timeout_s=20.0)) as (publisher, _, queue):
            tell(publisher, [1])
            assert eventually(lambda: server.tries == 1)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 10
        over.set()
    left = DiskQueue(queue.path)
    assert len(left) == 2
    left.close()


def test_a_wrong_certificate_is_one_sentence_and_the_right_one_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = make_certificate(tmp_path)
    other, _ = make_certificate(tmp_path, "other")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    with WebhookServer(tls=serving) as server:
        wrong = quick(server.url, tls=ssl.create_default_context(cafile=str(other)))
        assert "its certificate is refused" in said_by(tmp_path, wrong, caplog)
        right = quick(server.url, tls=ssl.create_default_context(cafile=str(certificate)))
        with bridged(tmp_path, right) as (_, _, queue):
            assert eventually(lambda: len(queue) == 0)
    assert len(server.bodies) == 6


@pytest.mark.parametrize(
    "url", ["ftp://host/", "https:///path", "https://host:99999/", "https://eve:hunter2@host/", "https://host/a b"]
)
def test_a_url_that_cannot_be_is_refused_without_being_shown(url: str, tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path / "queue")

    with pytest.raises(WebhookError) as refused:
        WebhookSender(WebhookOptions(url), queue)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(WebhookOptions("https://host/hunter2", b"hunter2"))
    queue.close()
