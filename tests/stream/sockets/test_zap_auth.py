"""Who gets through to a node's socket, seen from both of its sides."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher, PublisherError
from groundcast.stream.sockets.allow_list import allow, revoke
from groundcast.stream.sockets.key_files import NODE, make_pair, public_file, secret_file
from groundcast.stream.sockets.rejections import Reason
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections

from ...waiting import eventually
from ..exhaustion import no_descriptors_left
from ..key_folder import hand_over, make_keys

Speak = Callable[[], int]
GOLDEN = decode_detections((Path(__file__).parents[1] / "golden_live.msgpack").read_bytes())


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return make_keys(tmp_path / "keys", "arm")


@pytest.fixture
def arm(keys: Path, tmp_path: Path) -> Path:
    """The keys of an allowed client, on its own machine."""
    return hand_over(keys, "arm", tmp_path / "arm")


@pytest.fixture
def publisher(request: pytest.FixtureRequest, keys: Path, tmp_path: Path) -> Iterator[Publisher]:
    """Bound to tcp unless a test asks for ipc."""
    address = f"ipc://{tmp_path}/node.sock" if getattr(request, "param", "") == "ipc" else "tcp://127.0.0.1:*"
    with Publisher(PublisherOptions(address, keys=keys, high_water_mark=5000), GOLDEN.node) as node:
        yield node


@pytest.fixture
def speak(publisher: Publisher) -> Speak:
    """Sends the next message, and tells its `seq`."""
    seqs = itertools.count(1)

    def send() -> int:
        seq = next(seqs)
        publisher.send_detections(replace(GOLDEN, seq=seq))
        return seq

    return send


def joined(speak: Speak, subscriber: Subscriber) -> None:
    """Return once messages reach a subscriber, and nothing is on its way to it."""
    assert eventually(lambda: speak() in waiting(subscriber))


def waiting(subscriber: Subscriber) -> list[int]:
    """The messages that come until there is a silence."""
    got: list[int] = []
    while True:
        try:
            got.append(next(subscriber).seq)
        except TimeoutError:
            return got


@pytest.mark.parametrize("publisher", ["tcp", "ipc"], indirect=True)
def test_an_allowed_client_gets_everything(publisher: Publisher, speak: Speak, arm: Path) -> None:
    with Subscriber(publisher.address, keys=arm, newest_only=False, timeout_s=10) as subscriber:
        assert publisher.wait_for_subscriber(10.0, lambda: False)
        sent = [speak() for _ in range(1000)]
        assert [next(subscriber).seq for _ in sent] == sent
        assert subscriber.gaps == 0
    assert set(publisher.rejected_connections.values()) == {0}


@pytest.mark.parametrize(
    ("who", "reason", "hint"),
    [
        ("has no keys", "no_handshake", "demands keys"),
        ("is not allowed", "unknown_key", "does not know our key"),
        ("knows another node", "wrong_node_key", "not the node whose node.key we have"),
    ],
)
def test_a_rejected_client_receives_nothing_and_is_counted_and_logged_once(
    publisher: Publisher, speak: Speak, tmp_path: Path, arm: Path, who: str, reason: Reason, hint: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with Subscriber(publisher.address, keys=_keys_of_rejected(who, tmp_path, arm), timeout_s=0.5) as client:
        assert eventually(lambda: publisher.rejected_connections[reason] > 0)
        assert not publisher.wait_for_subscriber(0.3, lambda: False)
        speak()
        with pytest.raises(TimeoutError, match=hint):
            next(client)
    assert sum(publisher.rejected_connections.values()) == publisher.rejected_connections[reason] >= 1
    assert len([record for record in caplog.records if "may not watch" in record.getMessage()]) == 1


def _keys_of_rejected(who: str, tmp_path: Path, arm: Path) -> Path | None:
    if who == "has no keys":
        return None
    if who == "is not allowed":
        make_pair(arm, "arm", force=True)
        return arm
    return hand_over(make_keys(tmp_path / "other", "arm"), "arm", tmp_path / "client")


@pytest.mark.parametrize("publisher", ["tcp", "ipc"], indirect=True)
def test_a_client_that_is_revoked_while_connected_is_dropped_and_the_others_come_back(
    publisher: Publisher, speak: Speak, keys: Path, arm: Path, tmp_path: Path
) -> None:
    make_pair(keys, "thief")
    allow(keys, "thief", public_file(keys, "thief"), ["watch"])
    stolen = hand_over(keys, "thief", tmp_path / "thief")
    with (
        Subscriber(publisher.address, keys=arm, newest_only=False, timeout_s=0.1) as honest,
        Subscriber(publisher.address, keys=stolen, newest_only=False, timeout_s=0.1) as thief,
    ):
        joined(speak, honest)
        joined(speak, thief)
        revoke(keys, "thief")
        assert eventually(
            lambda: publisher.rejected_connections["unknown_key"] > 0
        )  # it came again, and was turned away
        joined(speak, honest)
        waiting(thief)
        sent = [speak() for _ in range(10)]
        assert waiting(honest) == sent
        assert waiting(thief) == []


def test_a_revoked_client_is_dropped_without_a_free_descriptor_and_the_others_come_back_when_there_is_one(
    publisher: Publisher, speak: Speak, keys: Path, arm: Path, tmp_path: Path
) -> None:
    make_pair(keys, "thief")
    allow(keys, "thief", public_file(keys, "thief"), ["watch"])
    stolen = hand_over(keys, "thief", tmp_path / "thief")
    with (
        Subscriber(publisher.address, keys=arm, newest_only=False, timeout_s=0.1) as honest,
        Subscriber(publisher.address, keys=stolen, newest_only=False, timeout_s=0.1) as thief,
    ):
        joined(speak, honest)
        joined(speak, thief)
        with no_descriptors_left() as give_back:
            assert speak() in waiting(honest)  # whose key is still known
            public_file(keys / "allowed" / "watch", "thief").unlink()
            assert eventually(lambda: speak() not in waiting(thief))
            give_back()
            joined(speak, honest)
            assert waiting(thief) == []


def test_a_client_that_is_allowed_at_last_gets_in_by_itself(
    publisher: Publisher, speak: Speak, keys: Path, tmp_path: Path
) -> None:
    make_pair(keys, "late")
    with Subscriber(publisher.address, keys=hand_over(keys, "late", tmp_path / "late"), timeout_s=0.5) as subscriber:
        assert eventually(lambda: publisher.rejected_connections["unknown_key"] > 0)
        with pytest.raises(TimeoutError, match="does not know our key"):
            next(subscriber)
        allow(keys, "late", public_file(keys, "late"), ["watch"])
        joined(speak, subscriber)


def test_who_may_only_control_may_not_watch(publisher: Publisher, keys: Path, tmp_path: Path) -> None:
    make_pair(keys, "pilot")
    allow(keys, "pilot", public_file(keys, "pilot"), ["control"])
    pilot = hand_over(keys, "pilot", tmp_path / "pilot")
    with Subscriber(publisher.address, keys=pilot, timeout_s=0.5) as subscriber:
        assert eventually(lambda: publisher.rejected_connections["unknown_key"] > 0)
        with pytest.raises(TimeoutError):
            next(subscriber)


def test_what_travels_cannot_be_read_on_the_way(publisher: Publisher, speak: Speak, arm: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.STREAM) as near, context.socket(zmq.STREAM) as far:
        port = near.bind_to_random_port("tcp://127.0.0.1")
        far.connect(publisher.address)
        with Subscriber(f"tcp://127.0.0.1:{port}", keys=arm, newest_only=False, timeout_s=0.01) as subscriber:
            relay = _Relay(near, far)
            assert eventually(lambda: relay.carry() and speak() > 0 and waiting(subscriber) != [])
    assert len(relay.seen) > 1000
    assert b"det/1" not in relay.seen
    assert GOLDEN.tracks[0].phrase.encode() not in relay.seen


class _Relay:
    """Sits between a client and a node and sees every byte."""

    def __init__(self, near: zmq.Socket[bytes], far: zmq.Socket[bytes]) -> None:
        self.seen = b""
        ends = [(near, near.recv_multipart()[0]), (far, far.recv_multipart()[0])]  # both begin by saying who is there
        self._ways = [(*ends[0], *ends[1]), (*ends[1], *ends[0])]

    def carry(self) -> bool:
        for source, _, target, to in self._ways:
            while source.poll(20):
                _, part = source.recv_multipart()
                self.seen += part
                target.send_multipart([to, part])
        return True


def test_keys_and_insecure_contradict_each_other(keys: Path) -> None:
    with pytest.raises(PublisherError, match="has keys and is insecure as well"):
        Publisher(PublisherOptions("tcp://127.0.0.1:*", keys=keys, insecure=True), "bench")


def test_keys_that_others_can_read_are_refused(keys: Path) -> None:
    secret_file(keys, NODE).chmod(0o640)
    with pytest.raises(PublisherError, match=r"node.key_secret can be read by others \(mode 640\): chmod 600"):
        Publisher(PublisherOptions("tcp://127.0.0.1:*", keys=keys), "bench")


def test_with_keys_any_address_may_be_bound(keys: Path) -> None:
    with Publisher(PublisherOptions("tcp://0.0.0.0:*", keys=keys), "bench") as publisher:
        assert publisher.address.startswith("tcp://0.0.0.0:")


def test_zap_auth_that_is_closed_before_its_thread_has_run_ends(keys: Path) -> None:
    """ZeroMQ would hold Python's lock while it waits for a thread to receive the events of a socket."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from groundcast.stream.sockets.zap_auth import ZapAuth\n"
        "from groundcast.stream.options import PublisherOptions\n"
        "from groundcast.stream.publish.publisher import Publisher\n"
        "ZapAuth._serve = lambda *_: time.sleep(0.1)\n"
        "Publisher(PublisherOptions('tcp://127.0.0.1:*', keys=Path(sys.argv[1])), 'bench').close()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(keys)], check=True, timeout=30)
