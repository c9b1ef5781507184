"""`groundcast bridge webhook`: what it refuses, and a run from a node to a server."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher

from ...stream.bridges.told_events import tell
from ...stream.bridges.webhook_server import WebhookServer
from ...stream.spoken import ANY_PORT, status
from ...waiting import eventually
from ..commands import in_process
from .test_ros2 import bridge_process


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no URL to post to: give one, or set GROUNDCAST_WEBHOOK_URL"),
        (["http://192.0.2.1/hunter2"], "192.0.2.1 would get everything unencrypted: give an https:// URL"),
        (["https://eve:hunter2@host/"], "must hold no user and no password"),
        (["gopher://host/hunter2"], "must begin with https:// or http://"),
        (["https://host/", "--kind", "jump"], "--kind jump is no kind of event"),
    ],
)
def test_wrong_input_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "bridge", "webhook", *arguments, "--queue", tmp_path / "queue")

    assert ended.code == 2
    assert said in ended.sentence
    assert "hunter2" not in ended.err


def test_events_are_posted_and_signed_and_ctrl_c_ends_in_good_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDCAST_WEBHOOK_SECRET", "a key")
    with WebhookServer() as server, Publisher(PublisherOptions(ANY_PORT), "bench") as publisher:
        monkeypatch.setenv("GROUNDCAST_WEBHOOK_URL", server.url)
        with bridge_process(
            "webhook", "--address", publisher.address, "--queue", tmp_path / "queue", "--json"
        ) as bridge:
            sent = iter(range(1, 10_000))

            def tell_more() -> bool:
                publisher.send_status(status(0, source="door"))
                tell(publisher, [next(sent)])
                return len(server.bodies) >= 10

            assert eventually(tell_more)
            bridge.send_signal(signal.SIGINT)
            said, _ = bridge.communicate(timeout=60)

    figures = json.loads(said)
    assert bridge.returncode == 0
    assert figures["received"] == figures["sent"]["delivered"] == len(server.bodies)
    assert server.headers["X-Groundcast-Signature"].startswith("t=")
