"""`groundcast ctl`: what is typed reaches the node, and what the node says reaches the terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from groundcast.launch.exits import InputError
from groundcast.launch.node.runtime_folder import own_control_address, running_nodes
from groundcast.model.prompt import Phrase
from groundcast.stream.control.server import ControlServer
from groundcast.stream.controller import Controller
from groundcast.stream.options import ControlOptions

from ...stream.plain_node import JPEG, PlainNode
from ..commands import Ended, in_process

Ctl = Callable[..., Ended]


@pytest.fixture
def node() -> PlainNode:
    return PlainNode("wrist", "shelf")


@pytest.fixture
def ctl(node: PlainNode, capsys: pytest.CaptureFixture[str]) -> Iterator[Ctl]:
    """Runs `groundcast ctl` on the node."""
    with ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(node, on_failure=pytest.fail)
        yield lambda *typed: in_process(capsys, "ctl", *typed, "--address", control.address, "--timeout-s", "20")


def test_the_status_shows_sources_prompts_and_leases(ctl: Ctl, node: PlainNode) -> None:
    node.ask("arm", (Phrase("bolt", threshold=0.5),), 60.0, "wrist")
    node.pause("shelf")

    ended = ctl("status")

    assert ended.code == 0
    assert "bench: up for" in ended.out
    assert "connecting, paused" in ended.out
    assert "red mug . bolt (0.5)" in ended.out
    assert "arm" in ended.out


def test_the_list_shows_how_sources_are_read_but_no_secrets(ctl: Ctl, node: PlainNode) -> None:
    ctl(
        "update",
        "wrist",
        "--wait-s",
        "0",
        "--set",
        "target_hz=5",
        "--set",
        "roi_xyxy=[0, 0, 64, 48]",
        "--set",
        "prompt=red mug . [bolt]",
    )

    ended = ctl("list")

    assert "rtsp://***@wrist.example/live" in ended.out
    assert "prompt=red mug . [bolt] target_hz=5.0 roi_xyxy=0,0,64,48" in ended.out
    assert "secret" not in ended.out
    assert "redirect_hosts" not in ended.out  # what was not set is not shown
    assert json.loads(ctl("list", "--json").out)["sources"][0]["settings"]["target_hz"] == 5


def test_what_is_typed_reaches_the_node(ctl: Ctl, node: PlainNode) -> None:
    assert ctl("prompt", "bolt . nut").out == "done: prompt 2, from wrist seq 2, shelf seq 2 on\n"
    ctl("thresholds", "bolt=0.25", "nut=1", "--source", "wrist", "--if-version", "2")
    ctl(
        "add",
        "door=rtsp://door.example/live",
        "--set",
        "transport=udp",
        "--set",
        "frame_id=door_optical",
        "--wait-s",
        "0",
    )
    ctl("remove", "door")
    ctl("pause")
    ctl("resume", "shelf")
    done = json.loads(ctl("reset", "--json").out)

    assert node.done == [
        *("prompt bolt. nut", "prompt bolt. nut", "add door", "remove door", "pause None", "resume shelf", "reset None")
    ]
    assert node.base.phrases == (Phrase("bolt", threshold=0.25), Phrase("nut", threshold=1.0))
    assert done == {"prompt_version": 8, "first_seq": {"wrist": [1, 8], "shelf": [1, 8]}}


def test_something_is_asked_for_until_the_time_is_over(ctl: Ctl, node: PlainNode) -> None:
    ended = ctl("ask", "bolt . nut", "--seconds", "0.5", "--source", "wrist")

    assert ended.code == 0
    assert "bolt . nut: asked for until 0.5 s are over; prompt 2" in ended.out
    assert node.done == ["ask bolt", "release"]


def test_ctrl_c_is_the_ordinary_end_of_asking(node: PlainNode) -> None:
    with ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(node, on_failure=pytest.fail)
        command = [sys.executable, "-m", "groundcast.launch.cli", "ctl", "ask", "bolt", "--address", control.address]
        with subprocess.Popen([*command, "--timeout-s", "20"], stdout=subprocess.PIPE, text=True) as asker:
            assert asker.stdout is not None
            assert "asked for until Ctrl-C" in asker.stdout.readline()
            assert [lease.phrases for lease in node.status().leases] == [("bolt",)]
            asker.send_signal(signal.SIGINT)
            try:
                assert asker.wait(60) == 0
            finally:
                asker.kill()

        assert node.leases.held == ()


def test_a_picture_is_written(ctl: Ctl, tmp_path: Path) -> None:
    out = tmp_path / "seen.jpg"
    ended = ctl("picture", "wrist", "--out", out)

    assert out.read_bytes() == JPEG  # which is none that could be drawn on
    assert ended.out.startswith(f"{out}: wrist seq ")
    assert json.loads(ctl("picture", "wrist", "--out", out, "--json").out)["message"]["source"] == "wrist"


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["pause", "door"], 2, "no source is called 'door'"),
        (["prompt", "bolt, nut"], 2, "did you mean 'bolt . nut'"),
        (["prompt", "bolt", "--if-version", "7"], 2, "the prompt is at version 1, not 7"),
        (["thresholds", "bolt"], 2, "'bolt' is no threshold"),
        (["thresholds", "bolt=2"], 2, "`thresholds.bolt` must be less than or equal to 1"),
        (["add", "door=gopher://eve:secret@hole"], 2, "gopher://***@hole begins with gopher://"),
        (["update", "wrist", "--set", "target_hz"], 2, "'target_hz' sets nothing: write KEY=VALUE"),
        (["update", "wrist", "--set", "traget_hz=5"], 2, "unknown key `source.traget_hz`"),
        (["update", "wrist", "--set", "target_hz=fast"], 2, "`source.target_hz` must be a valid number"),
        (["picture", "wrist", "--out", "/no/such/folder/seen.jpg"], 2, "cannot be written"),
        (["ask", "bolt", "--source", "door", "--seconds", "1"], 2, "no source is called 'door'"),
    ],
)
def test_what_is_refused_is_said_in_one_sentence(ctl: Ctl, typed: list[str], code: int, said: str) -> None:
    ended = ctl(*typed)

    assert ended.code == code
    assert said in ended.sentence


def test_what_is_not_the_users_fault_ends_with_another_code(
    ctl: Ctl, node: PlainNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.picture_taken.clear()
    assert ctl("picture", "wrist", "--wait-s", "0.1").code == 1
    node.fail = True
    assert ctl("pause").code == 1
    nobody = in_process(capsys, "ctl", "pause", "--address", "ipc:///no/such/socket", "--timeout-s", "0.2")
    assert nobody.code == 1
    assert "is a node running there?" in nobody.sentence
    assert in_process(capsys, "ctl", "pause", "--address", "6570").code == 2


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[PlainNode, PlainNode]]:
    """Two nodes in their own socket files, and the file of one that was killed."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    nodes = PlainNode("wrist"), PlainNode("shelf")
    with ExitStack() as stack:
        for name, node in zip(("arm", "shop"), nodes, strict=True):
            options = ControlOptions(own_control_address(name, os.environ))
            control = stack.enter_context(ControlServer(options))
            control.start(node, on_failure=pytest.fail)
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(tmp_path / "groundcast" / "gone.control"))
        yield nodes


def test_a_node_is_found_by_its_name(
    two_nodes: tuple[PlainNode, PlainNode], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    which = in_process(capsys, "ctl", "pause")
    gone = in_process(capsys, "ctl", "pause", "--node", "gone")
    done = in_process(capsys, "ctl", "pause", "--node", "shop", "--timeout-s", "20")

    # The user may have other nodes here.
    assert re.search(r"several nodes run here \(.*\barm, (.*, )?shop\b.*\): name one", which.sentence)
    assert re.search(
        r"no node called gone takes requests from this user here, but .*\barm, (.*, )?shop\b", gone.sentence
    )
    assert (which.code, gone.code, done.code) == (2, 2, 0)
    assert [node.done for node in two_nodes] == [[], ["pause None"]]
    assert (tmp_path / "groundcast").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "groundcast" / "arm.control").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_could_have_filled_is_left_alone(
    two_nodes: tuple[PlainNode, PlainNode], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "groundcast").chmod(0o777)

    with pytest.raises(InputError, match="belongs to another user, or others can write to it"):
        own_control_address("third", os.environ)
    assert "arm" not in running_nodes(os.environ)


def test_a_node_that_runs_takes_requests_of_its_user(clip: Path, runtime_folder: Path) -> None:
    name = f"test-{os.getpid()}-ctl"
    camera = "cam=lavfi:testsrc=size=160x120:rate=10"
    command = [sys.executable, "-m", "tests.launch.blob_node", "run", "--source", camera, "--prompt", "red blob"]
    command += ["--address", "tcp://127.0.0.1:*", "--json", "--node", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        address = json.loads(node.stdout.readline())["ready"]["control"]
        assert address == running_nodes(os.environ)[name] == f"ipc://{runtime_folder}/groundcast/{name}.control"
        with Controller(address, timeout_s=20.0) as controller:
            applied = controller.add_source({"name": "again", "url": str(clip), "pace": "realtime", "loop": True})
            assert applied.first_seq == {"again": (1, 1)}
            jpeg, message = controller.picture("again", timeout_s=10.0)
            assert jpeg[:2] == b"\xff\xd8"
            assert message.prompt.phrases == ("red blob",)
            node.send_signal(signal.SIGTERM)
            began_s = time.monotonic()
        figures = json.loads(node.communicate(timeout=60)[0].splitlines()[-1])

    assert node.returncode == 0
    assert time.monotonic() - began_s < 25.0
    assert set(figures["sources"]) == {"cam", "again"}
    assert name not in running_nodes(os.environ)
