"""`groundcast events` on a file that the store wrote."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

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
