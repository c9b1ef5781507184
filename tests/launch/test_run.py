"""`groundcast run`: from flags or a file to messages, and figures at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from groundcast.launch import run
from groundcast.launch.node import node
from groundcast.launch.run import read_flags
from groundcast.launch.settings.sources import named_sources
from groundcast.stream.controller import Controller
from groundcast.stream.sockets.name_claim import NameClaim
from groundcast.stream.subscriber import Subscriber

from ..waiting import eventually
from .commands import in_process
from .conftest import CLIP_FRAMES

ANY_PORT = "tcp://127.0.0.1:*"
pytestmark = pytest.mark.usefixtures("blobs")


def test_flags_alone_run_a_node(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "run", "--source", clip, "--prompt", "red blob", "--address", ANY_PORT, "--json")

    ready, figures = (json.loads(line) for line in ended.out.splitlines())
    assert ended.code == 0
    assert ready["ready"]["address"].startswith("tcp://127.0.0.1:")
    assert ready["ready"]["seconds"] > 0
    assert (figures["frames"], figures["messages"], figures["dropped"]) == (CLIP_FRAMES, CLIP_FRAMES, 0)
    assert figures["sources"]["square"]["messages"] == CLIP_FRAMES
    assert figures["fps"] > 0


def test_a_terminal_less_run_prints_plain_lines(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "run", "--source", f"door={clip}", "--prompt", "red blob", "--address", ANY_PORT)

    lines = ended.out.splitlines()
    assert lines[0].startswith("ready after ")
    assert lines[1].startswith("door seq 1, ")
    assert lines[-1].startswith(f"door: {CLIP_FRAMES} frames, {CLIP_FRAMES} messages, 0 dropped")


def test_a_subscriber_gets_every_message_of_a_settings_file(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "node.yaml"
    publish = {"address": f"ipc://{tmp_path}/node", "wait_for_subscriber_s": 30}
    source = {"name": "a", "url": str(clip)}
    file.write_text(json.dumps({"node": "bench", "prompt": "red blob", "publish": publish, "sources": [source]}))
    seen: list[int] = []
    listener = threading.Thread(
        target=lambda: seen.extend(
            message.seq
            for message in Subscriber(publish["address"], newest_only=False, timeout_s=30)  # type: ignore[arg-type]
        )
    )
    listener.start()

    ended = in_process(capsys, "run", file, "--quiet")

    listener.join(30)
    assert ended.code == 0
    assert seen == list(range(1, CLIP_FRAMES + 1))


def test_a_polite_kill_ends_a_node_that_watches_a_camera(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_soon() -> float:  # asked once the node is ready
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return 1.0

    monkeypatch.setattr(run, "process_age_s", kill_soon)
    source = "lavfi:testsrc=size=160x120:rate=10"

    ended = in_process(capsys, "run", "--source", f"cam={source}", "--prompt", "red blob", "--address", ANY_PORT)

    assert ended.code == 0
    assert "cam: " in ended.out.splitlines()[-1]


def test_a_node_without_sources_takes_one_by_request_and_runs_until_it_is_told_to_stop(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"ipc://{tmp_path}/control.sock"
    file = tmp_path / "node.yaml"
    file.write_text(
        f"prompt: red blob\nsources: []\npublish: {{address: '{ANY_PORT}'}}\ncontrol: {{address: '{address}'}}\n"
    )

    def play_and_kill() -> None:
        try:
            with Controller(address) as controller:
                controller.add_source({"name": "late", "url": str(clip)})
                assert eventually(lambda: controller.status().sources[0].state == "ended")
                time.sleep(0.3)  # in which it would end by itself
                controller.status()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    player = threading.Thread(target=play_and_kill)
    monkeypatch.setattr(run, "process_age_s", lambda: player.start() or 1.0)  # asked once the node is ready

    ended = in_process(capsys, "run", file, "--json")

    player.join()
    figures = json.loads(ended.out.splitlines()[-1])
    assert (ended.code, figures["sources"]["late"]["messages"]) == (0, CLIP_FRAMES)


@pytest.mark.slow
def test_a_polite_kill_does_not_wait_for_the_picture_in_the_network() -> None:
    camera, size_px = "lavfi:testsrc=size=640x480:rate=10", "2400"  # 5 s or more in the network
    arguments = ("--source", f"cam={camera}", "--prompt", "red cube", "--size", size_px, "--address", ANY_PORT)
    command = [str(Path(sys.executable).parent / "groundcast"), "run", *arguments, "--json"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        time.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        begin_s = time.monotonic()
        said = json.loads(process.stdout.read().splitlines()[-1])
        assert (process.wait(30), said["messages"]) == (0, 0)
        assert time.monotonic() - begin_s < 2.0


def test_a_busy_port_is_said_before_the_model_is_loaded(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(node, "load_detector", _must_not_load)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address, health = f"tcp://127.0.0.1:{port}", f"127.0.0.1:{port}"
        ended = in_process(capsys, "run", "--source", clip, "--prompt", "red blob", "--address", address)
        other = in_process(
            capsys, "run", "--source", clip, "--prompt", "red blob", "--address", ANY_PORT, "--health", health
        )

    assert (ended.code, other.code) == (2, 2)
    assert address in ended.sentence
    assert f"health address {health} cannot be used" in other.sentence


def test_a_second_node_of_a_name_is_refused_before_the_model_is_loaded(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "load_detector", _must_not_load)
    with NameClaim("twin", ANY_PORT):
        ended = in_process(
            capsys, "run", "--source", clip, "--prompt", "red blob", "--address", ANY_PORT, "--node", "twin"
        )

    assert ended.code == 2
    assert "a node called twin runs on this host already" in ended.sentence


def test_flags_go_before_what_a_file_says(tmp_path: Path) -> None:
    file = tmp_path / "node.yaml"
    file.write_text("prompt: red blob\nmodel: tabletop\nsources: [{name: a, url: b, pace: asap}]\n")

    settings = read_flags(file, {"model": {"device": "cpu"}, "defaults": {"pace": "realtime"}, "prompt": "blue blob"})

    assert (settings.model.name, settings.model.device, settings.prompt) == ("tabletop", "cpu", "blue blob")
    assert settings.sources[0].pace == "realtime"


def test_sources_get_names_that_topics_can_carry(tmp_path: Path) -> None:
    odd = tmp_path / "a=b c.mp4"
    odd.touch()

    named = named_sources(["door=rtsp://host/1", str(odd), "rtsp://host/2", "clips/red ball.mp4", "other/red-ball.mp4"])

    assert list(named) == ["door", "a-b-c", "source-3", "red-ball", "red-ball-5"]
    assert named["door"] == "rtsp://host/1"


def test_the_process_knows_its_age() -> None:
    first = node.process_age_s()
    time.sleep(0.05)

    assert 0.04 < node.process_age_s() - first < 5


def _must_not_load(*_: Any) -> None:
    raise AssertionError("the model was loaded")
