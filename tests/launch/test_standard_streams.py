"""Standard streams that are closed, full, or have lost their reader."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
import cv2
import pytest

from groundcast.launch.exits import RunError
from groundcast.launch.standard_streams import _text_stream
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.subscriber import Subscriber

from ..stream.spoken import speaking
from .conftest import red_square

ANY_PORT = "tcp://127.0.0.1:*"
CAMERA = "cam=lavfi:testsrc=size=160x120:rate=20"
NODE = [sys.executable, "-m", "tests.launch.blob_node", "run", "--prompt", "red blob", "--address", ANY_PORT]
PICTURE = cv2.imencode(".jpg", red_square(50))[1].tobytes()
LOADS_FOR_EVER = (
    "import time; from groundcast.launch import cli; from groundcast.launch.node import node\n"
    "node.load_detector = lambda model: print('loading', flush=True) or time.sleep(600)\ncli.main()"
)


@contextmanager
def started(*command: str, stdout: int | None = subprocess.PIPE) -> Generator[subprocess.Popen[str]]:
    """A process that does not outlive the test."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True) as one:
        try:
            yield one
        finally:
            one.kill()


def errors_of(ended: subprocess.Popen[str]) -> str:
    assert ended.stderr is not None
    return ended.stderr.read()


def first_line(stream: IO[str] | None) -> str:
    """What `head -1` reads before it goes."""
    assert stream is not None
    line = stream.readline()
    stream.close()
    return line


def a_pipe_without_a_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_a_command_whose_reader_has_gone_ends_as_done() -> None:
    with _text_stream(a_pipe_without_a_reader(), outlives_reader=False) as stream:
        with pytest.raises(SystemExit) as ended:
            print("found", file=stream, flush=True)
        print("the end", file=stream, flush=True)  # what is cleaned up may still speak
    assert ended.value.code == 0


def test_a_command_that_outlives_its_reader_goes_on() -> None:
    with _text_stream(a_pipe_without_a_reader(), outlives_reader=True) as stream:
        for _ in range(3):
            print("found", file=stream, flush=True)


def test_an_output_on_a_full_disk_is_said() -> None:
    with _text_stream(full := os.open("/dev/full", os.O_WRONLY), outlives_reader=False) as stream:
        with pytest.raises(RunError, match="standard output cannot be written"):
            print("found", file=stream, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), full)


def test_listening_into_a_full_disk_fails_with_a_sentence() -> None:
    with (
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        speaking(publisher),
        Path("/dev/full").open("w") as full,
    ):
        command = [sys.executable, "-m", "groundcast.launch.cli", "listen", publisher.address, "--jsonl"]
        with started(*command, stdout=full.fileno()) as listener:
            assert listener.wait(30) == 1
            assert errors_of(listener) == (
                "groundcast: standard output cannot be written (No space left on device): redirect it elsewhere\n"
            )


def test_a_node_runs_with_its_standard_streams_closed(clip: Path) -> None:
    shell = f"exec >&- <&- 2>&-; exec {' '.join(map(repr, NODE))} --node closed-{os.getpid()} --source {clip}"
    with started("bash", "-c", shell) as node:
        assert node.wait(60) == 0


def test_a_node_goes_on_when_the_reader_of_its_lines_has_gone() -> None:
    with started(*NODE, "--node", f"head-{os.getpid()}", "--source", CAMERA, "--json") as node:
        address = json.loads(first_line(node.stdout))["ready"]["address"]
        with Subscriber(address, timeout_s=30) as subscriber:
            assert [next(subscriber).source for _ in range(5)] == ["cam"] * 5
        node.send_signal(signal.SIGTERM)
        assert node.wait(30) == 0
        assert "Traceback" not in errors_of(node)


def test_listening_ends_as_done_when_its_reader_has_seen_enough() -> None:
    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher, speaking(publisher):
        command = [sys.executable, "-m", "groundcast.launch.cli", "listen", publisher.address, "--jsonl"]
        with started(*command) as listener:
            assert json.loads(first_line(listener.stdout))["source"] == "wrist"
            assert (listener.wait(30), errors_of(listener)) == (0, "")


def test_a_recording_goes_on_when_the_reader_of_its_lines_has_gone(tmp_path: Path) -> None:
    out = tmp_path / "shift.mcap"
    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher, speaking(publisher, most=60):
        command = [sys.executable, "-m", "groundcast.launch.cli", "record", publisher.address, str(out)]
        with started(*command, "--until-ended") as recorder:
            assert "recording" in first_line(recorder.stdout)
            assert (recorder.wait(30), errors_of(recorder)) == (0, "")
    info = subprocess.run([sys.executable, "-m", "groundcast.launch.cli", "replay", "--info", "--json", out],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert '"messages": 60' in info.stdout


@pytest.mark.parametrize(("command", "code"), [("run", 0), ("detect", 130)])
def test_ctrl_c_while_a_model_loads_is_the_ordinary_end_of_a_node(command: str, code: int, clip: Path) -> None:
    asked = ["run", "--source", str(clip), "--node", f"load-{os.getpid()}", "--address", ANY_PORT]
    program = LOADS_FOR_EVER
    if command == "detect":
        asked, program = (
            ["detect", str(clip)],
            LOADS_FOR_EVER.replace("import node\n", "import load_detector as node\n"),
        )
    with started(sys.executable, "-c", program, *asked, "--prompt", "red blob") as loading:
        assert loading.stdout is not None
        assert loading.stdout.readline() == "loading\n"
        loading.send_signal(signal.SIGINT)
        assert loading.wait(30) == code
        assert "Traceback" not in errors_of(loading)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_video_is_whole_when_listening_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "seen.mp4"
    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher, speaking(publisher, jpeg=PICTURE):
        command = [sys.executable, "-m", "groundcast.launch.cli", "listen", publisher.address, "--draw", str(out)]
        with started(*command, "--jsonl") as listener:
            assert listener.stdout is not None
            for _ in range(30):
                listener.stdout.readline()
            listener.send_signal(number)
            listener.stdout.read()
            assert (listener.wait(30), errors_of(listener)) == (0, "")
    with av.open(str(out)) as video:
        assert len(list(video.decode(video=0))) > 5


def test_a_terminal_that_is_closed_ends_a_node_without_a_traceback(tmp_path: Path) -> None:
    file, said = tmp_path / "node.yaml", tmp_path / "stderr"
    file.write_text(
        f"node: hung-{os.getpid()}\nprompt: red blob\npublish: {{address: '{ANY_PORT}'}}\n"
        f"sources: [{{name: cam, url: 'lavfi:testsrc=size=160x120:rate=20'}}]\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        os.execv(sys.executable, [*NODE[:4], str(file)])
    seen = b""
    while b"ready after" not in seen:
        seen += os.read(terminal, 65536)
    threading.Event().wait(0.3)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert "Traceback" not in said.read_text()
