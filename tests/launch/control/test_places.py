"""`groundcast ctl zone` and `groundcast ctl line`: what is typed becomes places of a source, and counts are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions, SourceOptions
from groundcast.stream.zone import LineOptions, ZoneOptions

from ...stream.blob_detector import BlobDetector
from ...stream.plain_node import PlainNode
from ...stream.running_node import Node
from ...waiting import eventually
from ..commands import Ended, in_process

Ctl = Callable[..., Ended]


@pytest.fixture
def node() -> PlainNode:
    return PlainNode("wrist")


@pytest.fixture
def ctl(node: PlainNode, capsys: pytest.CaptureFixture[str]) -> Iterator[Ctl]:
    """Runs `groundcast ctl` on the node."""
    with ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(node, on_failure=pytest.fail)
        to_node = "--address", control.address, "--timeout-s", "20"
        yield lambda *typed: in_process(capsys, "ctl", typed[0], *to_node, *typed[1:])


def test_a_zone_is_added_replaced_listed_and_removed(ctl: Ctl, node: PlainNode) -> None:
    first = ctl("zone", "add", "wrist", "shelf", "0,0", "64,0", "64,48", "--phrase", "bolt", "--dwell-s", "5")
    second = ctl("zone", "add", "wrist", "shelf", "0,0", "32,0", "32,48.5", "--point", "any")

    assert (first.code, second.code) == (0, 0)
    corners = ((0.0, 0.0), (32.0, 0.0), (32.0, 48.5))
    assert node.options["wrist"].zones == (ZoneOptions("shelf", corners, point="any"),)
    (listed,) = json.loads(ctl("list", "--json").out)["sources"]
    assert listed["settings"]["zones"][0]["polygon_px"] == [[0.0, 0.0], [32.0, 0.0], [32.0, 48.5]]
    assert "shelf" in ctl("list").out
    assert ctl("zone", "remove", "wrist", "shelf").code == 0
    assert node.options["wrist"].zones == ()


def test_a_line_is_added_to_the_zones_that_are_there(ctl: Ctl, node: PlainNode) -> None:
    ctl("zone", "add", "wrist", "shelf", "0,0", "64,0", "64,48")
    ended = ctl("line", "add", "wrist", "door", "10,0", "10,48", "--point", "bottom")

    assert ended.code == 0
    assert node.options["wrist"].lines == (LineOptions("door", ((10.0, 0.0), (10.0, 48.0)), point="bottom"),)
    assert len(node.options["wrist"].zones) == 1


def test_places_are_given_in_metres_with_negative_numbers_too(ctl: Ctl, node: PlainNode) -> None:
    zone = ctl("zone", "add", "wrist", "cell", "--frame", "base", "--", "-0.5,0", "0.5,0", "0.5,-0.25")
    line = ctl("line", "add", "wrist", "belt", "--frame", "base", "0,0", "0,1.5")

    assert (zone.code, line.code) == (0, 0)
    corners = ((-0.5, 0.0), (0.5, 0.0), (0.5, -0.25))
    assert node.options["wrist"].zones == (ZoneOptions("cell", frame="base", polygon_m=corners, point="position"),)
    (listed,) = json.loads(ctl("list", "--json").out)["sources"]
    assert listed["settings"]["lines"][0]["points_m"] == [[0.0, 0.0], [0.0, 1.5]]
    assert "points_px" not in listed["settings"]["lines"][0]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("zone", "add", "wrist", "shelf", "0,0", "64,0"), "2 points are given: give 3 to 64"),
        (("line", "add", "wrist", "door", "0,0", "1,1", "2,2"), "3 points are given: give 2"),
        (("line", "add", "wrist", "door", "left", "1,1"), "left is no point"),
        (("zone", "add", "wrist", "shelf", "0,0", "9,9", "18,18"), "do not enclose"),
        (("line", "add", "elbow", "door", "0,0", "1,1"), "elbow"),
        (("zone", "remove", "wrist", "shelf"), "has no zone or line 'shelf'"),
        (("zone", "remove", "wrist", "shelf", "0,0"), "leave the points away"),
        (("zone", "add", "wrist", "cell", "--frame", "base", "--point", "any", "0,0", "1,0", "1,1"), "point: position"),
        (("zone", "add", "wrist", "cell", "--frame", "base", "0,0", "0,0", "0.001,0"), "1 cm2 at least"),
    ],
)
def test_what_cannot_be_meant_is_refused(ctl: Ctl, typed: tuple[str, ...], said: str) -> None:
    ended = ctl(*typed)

    assert (ended.code, said in ended.sentence) == (2, True)


def test_a_zone_and_a_line_of_one_source_have_different_names(ctl: Ctl) -> None:
    ctl("zone", "add", "wrist", "door", "0,0", "64,0", "64,48")

    assert "remove it first" in ctl("line", "add", "wrist", "door", "0,0", "1,1").sentence


def test_a_line_that_is_added_to_a_running_node_counts(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = SourceOptions("plain", str(clip), pace="realtime", loop=True)
    with (
        closing(BlobDetector()) as detector,
        Node(detector, source, stays=True) as running,
        ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control,
    ):
        control.start(running.commands, on_failure=pytest.fail)
        added = in_process(
            capsys, "ctl", "line", "add", "plain", "middle", "70,0", "70,120", "--address", control.address
        )
        assert added.code == 0

        assert eventually(lambda: any(one.totals.get("out") for one in running.commands.status().sources[0].counts), 20)
        shown = in_process(capsys, "ctl", "status", "--address", control.address).out
    assert "middle" in shown
    assert "red blob" in shown
