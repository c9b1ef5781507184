"""`groundcast replay`: recordings go out again, at the speed that was asked for."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groundcast.stream.recording.mcap_writer import McapWriter
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import encode
from groundcast.stream.wire.message_types import DetectionMessage

from ..stream.spoken import detections, status
from ..waiting import eventually
from .commands import in_process


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 messages and the end of their source, heard within a minute of a clock of our own."""
    path = tmp_path_factory.mktemp("recordings") / "a.mcap"
    with pytest.MonkeyPatch.context() as patch:
        now_ns = time.monotonic_ns()
        file = McapWriter(path, {})
        for seq in range(1, 21):
            patch.setattr(time, "monotonic_ns", lambda seq=seq: now_ns + seq * 3 * 10**9)
            file.put(b"det/1/bench/wrist/", [encode(detections(seq))], None, seq)
        patch.setattr(time, "monotonic_ns", lambda: now_ns + 63 * 10**9)
        file.put(b"sys/1/bench/wrist/", [encode(status(20, "ended"))], None, 20)
        file.close()
    return path


@contextmanager
def listening(address: str, most: int | None = None) -> Generator[list[DetectionMessage]]:
    """Hears everything at an address until the source ends or `most` have come."""
    heard: list[DetectionMessage] = []

    def listen() -> None:
        with Subscriber(address, newest_only=False, timeout_s=30) as subscriber:
            for message in subscriber:
                heard.append(message)
                if len(heard) == most:
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    yield heard
    listener.join()


def test_a_minute_goes_out_in_a_second_at_sixty_times_its_speed(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"ipc://{tmp_path}/node"

    with listening(address) as heard:
        ended = in_process(capsys, "replay", recording, "--address", address, "--speed", "60", "--json")

    figures = json.loads(ended.out)
    assert (ended.code, figures["messages"], figures["rounds"]) == (0, 21, 1)
    assert [message.seq for message in heard] == list(range(1, 21))
    assert 0.99 < figures["seconds"] < 20  # on a busy machine, too


def test_asap_does_not_wait_for_the_time(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"ipc://{tmp_path}/node"

    with listening(address) as heard:
        ended = in_process(capsys, "replay", recording, "--address", address, "--speed", "asap", "--json")

    assert len(heard) == 20
    assert json.loads(ended.out)["seconds"] < 20


def test_a_loop_is_a_new_start_each_time(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"ipc://{tmp_path}/node"

    def stop_when_heard() -> None:
        eventually(lambda: len(heard) == 45)
        os.kill(os.getpid(), signal.SIGTERM)

    with listening(address, most=45) as heard:
        threading.Thread(target=stop_when_heard).start()
        options = ("--speed", "600", "--loop", "--restamp", "--json")
        ended = in_process(capsys, "replay", recording, "--address", address, *options)

    assert ended.code == 0
    assert [message.seq for message in heard] == [*range(1, 21), *range(1, 21), *range(1, 6)]
    assert len({message.epoch for message in heard}) == 3


def test_a_loop_of_a_single_moment_is_no_flood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "moment.mcap"
    file = McapWriter(path, {})
    file.put(b"det/1/bench/wrist/", [encode(detections(1))], None, 1)
    file.close()
    address = f"ipc://{tmp_path}/node"

    def stop_when_heard() -> None:
        eventually(lambda: len(heard) == 5)
        os.kill(os.getpid(), signal.SIGTERM)

    with listening(address, most=5) as heard:
        threading.Thread(target=stop_when_heard).start()
        ended = in_process(capsys, "replay", path, "--address", address, "--loop", "--restamp", "--json")

    figures = json.loads(ended.out)
    assert figures["rounds"] <= 10 * figures["seconds"] + 2


def test_a_torn_file_is_played_as_far_as_it_goes(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(recording.read_bytes()[:-700])

    ended = in_process(
        capsys, "replay", torn, "--address", f"ipc://{tmp_path}/node", "--speed", "asap", "--wait-s", "0"
    )

    assert ended.code == 0
    assert "21 messages sent" in ended.out
    assert "was cut off: up to 1 s of what was received before that is missing" in ended.err


def test_info_says_what_is_in_a_file(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = in_process(capsys, "replay", "--info", recording).out.splitlines()
    (figures,) = json.loads(in_process(capsys, "replay", "--info", recording, "--json").out)["recordings"]

    assert lines[0].startswith(f"{recording}: 21 messages of 60.0 s")
    assert lines[1].split()[:2] == ["det/1/bench/wrist/", "20"]
    assert figures["topics"]["sys/1/bench/wrist/"]["messages"] == 1
    assert (figures["torn"], figures["damaged"], figures["gaps"]) == (False, 0, 0)
    assert figures["seconds"] == 60.0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--speed", "fast"], 2, "--speed fast is not a speed"),
        (["--speed", "-1"], 2, "--speed -1 is not a speed"),
        (["--loop"], 2, "--loop needs --restamp"),
        (["--address", "tcp://0.0.0.0:5570"], 2, "can be reached by others"),
    ],
)
def test_what_cannot_be_meant_is_said(
    recording: Path, options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "replay", recording, *options)

    assert ended.code == code
    assert said in ended.sentence


def test_a_file_that_holds_nothing_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.mcap"
    McapWriter(path, {}).close()

    began_s = time.monotonic()
    ended = in_process(capsys, "replay", path, "--address", f"ipc://{tmp_path}/node", "--wait-s", "60")

    assert time.monotonic() - began_s < 30
    assert (ended.code, ended.out) == (1, "")
    assert "no message of groundcast" in ended.err
