"""What a subscriber does where no node is, or no honest one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq

from groundcast.stream.subscriber import Subscriber, SubscriberError

HERE = Path(__file__).parent


def test_silence_ends_in_a_sentence_that_says_what_is_known() -> None:
    silence = r"nothing was let through from tcp://127\.0\.0\.1:1 for 0\.1 s: is a node running there"
    with Subscriber("tcp://127.0.0.1:1", timeout_s=0.1) as subscriber, pytest.raises(TimeoutError, match=silence):
        next(subscriber)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"address": "5570"}, "must look like"),
        ({"address": "tcp://127.0.0.1:*"}, "must name the host and the port"),
        ({"sources": ["a/b"]}, "'a/b'"),
        ({"sources": []}, "sources is empty"),
        ({"node": ""}, "1 to 64"),
        ({"max_age_ms": float("nan")}, "max_age_ms is nan"),
        ({"timeout_s": 0.0}, "timeout_s is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(SubscriberError, match=reason):
        Subscriber(**{"address": "tcp://127.0.0.1:5570", **wrong})  # pyright: ignore[reportArgumentType]


def test_what_is_not_understood_is_counted_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with zmq.Context() as context, context.socket(zmq.XPUB) as forger:
        forger.set(zmq.LINGER, 0)
        port = forger.bind_to_random_port("tcp://127.0.0.1")
        with Subscriber(f"tcp://127.0.0.1:{port}", newest_only=False, snapshot=False, timeout_s=20) as subscriber:
            assert {forger.recv(), forger.recv()} == {b"\x01det/1/", b"\x01sys/1/"}
            golden = (HERE / "golden_live.msgpack").read_bytes()
            topic = b"det/1/bench-2/wrist/"
            for parts in (
                [topic],
                [topic, b"\xc1"],
                [topic, golden, b""],
                [b"det/1/other/wrist/", golden],
                [b"det/1/a"],
            ):
                forger.send_multipart(parts)
            forger.send_multipart([topic, golden])
            assert next(subscriber).seq == 481
            assert dict(subscriber.refused) == {"malformed": 5}
    assert len([record for record in caplog.records if "could not be read" in record.getMessage()]) == 1


async def test_async_waiting_can_be_cancelled_and_times_out() -> None:
    with Subscriber("tcp://127.0.0.1:1", timeout_s=0.2) as subscriber:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(subscriber), 0.05)
        with pytest.raises(TimeoutError, match="is a node running there"):
            await anext(subscriber)


def test_ctrl_c_works_at_once() -> None:
    program = "from groundcast.stream.subscriber import Subscriber\nfor m in Subscriber('tcp://127.0.0.1:1'): print(m)"
    command = [sys.executable, "-W", "error", "-c", f"print('up', flush=True)\n{program}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_paths()) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "up\n"
        time.sleep(1.0)
        client.send_signal(signal.SIGINT)
        _, said = client.communicate(timeout=60)
    assert client.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in said
    assert "Warning" not in said


def test_the_client_loads_nothing_heavy() -> None:
    program = "import sys, groundcast.stream.subscriber; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=_paths()).stdout
    loaded = {name.split(".")[0] for name in said.split()}
    assert {"zmq", "msgpack"} <= loaded
    assert not loaded & {"numpy", "torch", "av", "cv2", "norfair", "pydantic", "yaml", "typer", "rich"}


def _paths() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
