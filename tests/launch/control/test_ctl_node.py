"""`groundcast ctl` before a real node: what it says of sources is what they do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.model.prompt import Prompt
from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions, SourceOptions

from ...stream.blob_detector import BlobDetector
from ...stream.running_node import Node
from ..commands import Ended, in_process

Ctl = Callable[..., Ended]


class _NotFound(BaseHTTPRequestHandler):
    """A camera whose path is another."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as its base calls it
        pass


@pytest.fixture
def wrong_path() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _NotFound) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/live"
        server.shutdown()
        thread.join()


@pytest.fixture
def ctl(clip: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ctl]:
    """Runs `groundcast ctl` on a node with two sources, of which one has a prompt of its own."""
    plain = SourceOptions("plain", str(clip), pace="realtime", loop=True)
    own = SourceOptions("own", str(clip), pace="realtime", loop=True, prompt=Prompt.parse("green blob"))
    with (
        closing(BlobDetector()) as detector,
        Node(detector, plain, own, stays=True) as node,
        ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control,
    ):
        control.start(node.commands, on_failure=pytest.fail)
        yield lambda *typed: in_process(capsys, "ctl", *typed, "--address", control.address, "--timeout-s", "20")


def test_a_prompt_says_which_sources_it_changes_and_which_keep_their_own(ctl: Ctl) -> None:
    some = ctl("prompt", "blue blob")
    everywhere = ctl("prompt", "red blob", "--all")

    assert some.out.splitlines()[0].startswith("done: prompt 2, from plain seq ")
    assert some.out.splitlines()[1].startswith("these sources keep their own prompts: own (--source changes one")
    assert everywhere.out.count("\n") == 1
    assert ", own seq " in everywhere.out
    assert json.loads(ctl("prompt", "blue blob", "--json").out)["kept"] == []
    assert ctl("prompt", "red blob", "--all", "--source", "own").code == 2


def test_a_source_that_was_added_is_said_to_run_or_why_it_does_not(ctl: Ctl, clip: Path, wrong_path: str) -> None:
    good = ctl("add", f"good={clip}", "--set", "pace=realtime", "--set", "loop=true", "--wait-s", "20")
    bad = ctl("add", f"bad={wrong_path}", "--wait-s", "20")
    listed = ctl("list")

    assert "good is running" in good.out
    assert (bad.code, "bad is reconnecting (" in bad.out, "404" in bad.out) == (0, True, True)
    assert [("404" in line) for line in listed.out.splitlines() if line.startswith("bad: ")] == [True]
    assert "404" in json.loads(ctl("list", "--json").out)["sources"][-1]["error"]
    moved = ctl("update", "good", "--set", f"url={wrong_path}", "--wait-s", "20")
    assert "404" in moved.out
    assert ctl("remove", "bad").out == "done: bad is removed; it had sent no message\n"
    assert "done: own is removed; its last message was seq " in ctl("remove", "own").out


def test_a_relative_path_is_taken_from_the_folder_of_the_command(
    ctl: Ctl, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip.parent)

    ctl("add", f"here={clip.name}", "--set", "pace=realtime", "--wait-s", "20")

    assert str(clip) in ctl("list").out


def test_a_picture_is_written_as_jpeg_alone(ctl: Ctl, tmp_path: Path) -> None:
    refused = ctl("picture", "own", "--out", tmp_path / "seen.png")

    assert (refused.code, "let its name end in .jpg" in refused.err) == (2, True)


def test_a_picture_shows_what_was_found_in_it(ctl: Ctl, tmp_path: Path) -> None:
    ctl("prompt", "red blob", "--all")

    drawn = ctl("picture", "own", "--out", tmp_path / "drawn.jpg", "--json")
    ctl("picture", "own", "--out", tmp_path / "plain.jpg", "--plain")

    (track,) = json.loads(drawn.out)["message"]["tracks"]
    x1, y1, x2, _ = (round(value) for value in track["box_xyxy"])
    inside, outside = slice(x1 + 8, x2 - 8), slice(y1 - 10, y1 - 2)  # a label stands on the box
    for name, shows in (("drawn.jpg", True), ("plain.jpg", False)):
        image = np.asarray(cv2.imread(str(tmp_path / name)), np.int16)
        is_red = image[outside, inside, 2] - image[outside, inside, 1] > 60
        assert bool(is_red.mean() > 0.3) is shows
