"""`groundcast events` on a file that the store wrote."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.launch.events.csv_file import write_events
from groundcast.stream.event import Event
from groundcast.stream.events.store import EventStore
from groundcast.stream.wire.message_types import EventMessage

from ..commands import in_process

NOW_NS = time.time_ns()


def crossing(number: int, ago_s: float, direction: str = "in") -> EventMessage:
    event = Event(
        kind="cross",
        time_s=100.0 - ago_s,
        captured_unix_ns=NOW_NS - int(ago_s * 1e9),
        place="entrance",
        phrase="person",
        track_id=number,
        box_xyxy=(5.0, 5.0, 25.0, 40.0),
        direction="in" if direction == "in" else "out",
    )
    return EventMessage(
        node="shop",
        source="door",
        epoch=1,
        generation=1,
        seq=number,
        number=number,
        published_unix_ns=NOW_NS,
        event=event,
    )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's file of events where `groundcast events` finds it: three crossings, one of them hours ago."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "groundcast" / "shop.events.sqlite"
    with EventStore(path) as writing:
        writing.add([crossing(1, 7500.0), crossing(2, 60.0), crossing(3, 50.0, "out")])
        writing.seen("shop", "door", NOW_NS, NOW_NS - 10**9)
    return path


@pytest.mark.usefixtures("store")
def test_events_are_listed_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    table = in_process(capsys, "events", "list")
    lines = in_process(capsys, "events", "list", "--since", "1h", "--kind", "cross", "--json").out.splitlines()

    assert table.code == 0
    assert table.out.count("person") == 3
    assert [json.loads(line)["event"]["direction"] for line in lines] == ["in", "out"]


@pytest.mark.usefixtures("store")
def test_counts_are_of_the_whole_time_or_of_each_span(capsys: pytest.CaptureFixture[str]) -> None:
    whole = in_process(capsys, "events", "counts", "--json").out.splitlines()
    hours = in_process(capsys, "events", "counts", "--by", "hour", "--json").out.splitlines()
    table = in_process(capsys, "events", "counts").out

    assert [(row["in"], row["out"]) for row in map(json.loads, whole)] == [(2, 1)]
    assert sum(json.loads(line)["in"] for line in hours) == 2
    assert len(hours) > 1
    assert "counts may be wrong since" in table


def test_a_file_may_be_named(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = store.rename(store.with_name("elsewhere.sqlite"))

    assert in_process(capsys, "events", "list", "--store", moved).code == 0
    ended = in_process(capsys, "events", "list")
    assert (ended.code, "no node has stored events" in ended.sentence) == (2, True)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "wrong", [("--since", "yesterday"), ("--kind", "explode"), ("--node", "other"), ("--store", "none.sqlite")]
)
def test_what_cannot_be_meant_is_refused(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "events", "list", *wrong)

    assert (ended.code, wrong[1] in ended.sentence) == (2, True)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("span", "events"), [("40s", 0), ("60m", 2), ("60min", 2), ("3h", 3), ("1d", 3)])
def test_times_ago_are_taken_in_usual_units(span: str, events: int, capsys: pytest.CaptureFixture[str]) -> None:
    listed = in_process(capsys, "events", "list", "--since", span, "--json")

    assert len(listed.out.splitlines()) == events


@pytest.mark.usefixtures("store")
def test_times_beyond_any_event_are_taken_as_they_are_meant(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "counts"):
        every = in_process(capsys, "events", command, "--since", "999999999d", "--until", "9999-12-31", "--json")
        none = in_process(capsys, "events", command, "--since", "9999-12-31", "--json")

        assert (every.code, bool(every.out), none.code, none.out) == (0, True, 0, "")
    assert in_process(capsys, "events", "list", "--last", str(2**70)).code == 2


@pytest.mark.usefixtures("store")
def test_events_are_exported_as_csv_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "events.csv"

    assert in_process(capsys, "events", "export", "--csv", out).code == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], row["place"], row["direction"]) for row in rows] == [
        ("cross", "entrance", "in"),
        ("cross", "entrance", "in"),
        ("cross", "entrance", "out"),
    ]
    assert (datetime.fromisoformat(rows[1]["happened"]).timestamp() - NOW_NS / 1e9) == pytest.approx(-60, abs=0.01)
    again = in_process(capsys, "events", "export", "--csv", out)
    assert (again.code, "is there already" in again.sentence) == (2, True)


def test_a_text_that_looks_like_a_formula_is_quoted_in_csv(tmp_path: Path) -> None:
    evil = replace(crossing(1, 0.0), event=replace(crossing(1, 0.0).event, phrase="=1+1"))

    write_events(tmp_path / "events.csv", [evil])

    assert "'=1+1" in (tmp_path / "events.csv").read_text()


@pytest.mark.usefixtures("store")
def test_counts_are_plotted_over_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = tmp_path / "plot.png", tmp_path / "camera.jpg"
    cv2.imwrite(str(picture), np.full((48, 64, 3), 90, np.uint8))

    ended = in_process(capsys, "events", "plot", out, "--picture", picture)

    assert ended.code == 0, ended.err
    drawn = cv2.imread(str(out))
    assert drawn is not None
    assert drawn.std() > 10
    wrong = in_process(capsys, "events", "plot", out, "--picture", out.with_name("none.jpg"))
    assert (wrong.code, "none.jpg" in wrong.sentence) == (2, True)


def test_static_places_are_listed_and_taken_back(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    static = replace(crossing(9, 1.0), event=replace(crossing(9, 1.0).event, kind="static", direction=None))
    with EventStore(store) as writing:
        writing.add([static])
        before = writing.data_version
        assert "person" in in_process(capsys, "events", "static").out
        (line,) = in_process(capsys, "events", "static", "--json").out.splitlines()
        number = str(json.loads(line)["static_number"])

        assert in_process(capsys, "events", "static", "--take-back", number).code == 0
        assert writing.data_version != before
        assert writing.static_spots() == {}
    again = in_process(capsys, "events", "static", "--take-back", number)
    assert (again.code, "no static place" in again.sentence) == (2, True)
