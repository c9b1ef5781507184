"""`groundcast search`: the best pictures first, from an index that looks at new files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from groundcast.launch.photos.search import ranked
from groundcast.launch.survey.entry import FileEntry, FoundBox, FrameEntry

from ..commands import in_process
from .conftest import Corrupt, Loads

BOX = (0.0, 0.0, 9.0, 9.0)


def entry(path: str, *frames: dict[str, float]) -> FileEntry:
    found = [
        FrameEntry(row, row / 2, 60, 40, tuple(FoundBox(label, score, BOX) for label, score in one.items()))
        for row, one in enumerate(frames)
    ]
    return FileEntry(path, len(frames) > 1, tuple(found))


def test_pictures_that_show_all_come_before_those_that_show_one_well() -> None:
    entries = [
        entry("one", {"dog": 0.9}),
        entry("both", {"dog": 0.6, "ball": 0.5}),
        entry("none", {"cat": 0.9}),
        entry("weak", {"dog": 0.2}),
        entry("clip", {"dog": 0.3}, {"dog": 0.7, "ball": 0.7}, {}),
    ]

    found = ranked(entries, ("dog", "ball"), 0.25)

    assert [(one.path, round(one.score, 3), one.frame.time_s) for one in found] == [
        ("clip", 0.7, 0.5),
        ("both", 0.55, 0.0),
        ("one", 0.45, 0.0),
    ]


def run(capsys: pytest.CaptureFixture[str], photos: Path, index: Path, *options: str) -> list[dict[str, Any]]:
    words = ("--prompt", "red square", "--index", str(index), "--json", *options)
    ended = in_process(capsys, "search", photos, *words)
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_the_index_looks_at_new_and_changed_files_alone(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, loads: Loads
) -> None:
    index = tmp_path / "index"
    first = run(capsys, photos, index)
    assert {Path(one["file"]).name for one in first} == {"one.png", "two.jpg"}
    assert first[0]["boxes"][0]["phrase"] == "red square"

    assert run(capsys, photos, index, "--threshold", "0.99") == []  # another threshold needs no new look
    assert run(capsys, photos, index, "--top", "1") == first[:1]
    assert len(loads) == 1
    Image.open(photos / "two.jpg").save(photos / "empty.png")
    assert len(run(capsys, photos, index)) == 3
    assert len(loads) == 2
    assert len(run(capsys, photos / "in ä", index)) == 1  # one index for all folders
    assert len(loads) == 2


def test_without_index_the_users_cache_holds_it(
    capsys: pytest.CaptureFixture[str],
    photos: Path,
    tmp_path: Path,
    loads: Loads,
    corrupt: Corrupt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corrupt()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    ended = in_process(capsys, "search", photos, "--prompt", "red square")

    assert ended.code == 1
    assert "1 of 4 files could not be read" in ended.err
    assert len(ended.out.splitlines()) == 2
    assert len(list((tmp_path / "cache" / "groundcast" / "search").glob("*.jsonl"))) == 1
    assert len(loads) == 1
