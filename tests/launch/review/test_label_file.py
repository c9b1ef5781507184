"""The file of a data set under review: every field kept, changes whole or not at all, other programs beside."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundcast.launch.review.label_file import LabelChange, LabelFile, LabelFileError, PictureRecord
from groundcast.model.datasets.picture_set import PictureSetError

from .review_sets import make_set, on_disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")


def opened(folder: Path) -> LabelFile:
    return LabelFile(folder / "labels.json", folder / "images")


def in_state(file: LabelFile, number: int, state: str) -> PictureRecord:
    picture = file.pictures[number]
    return replace(picture, image={**picture.image, "state": state})


def check(file: LabelFile, number: int) -> None:
    with file.locked():
        file.write(LabelChange((in_state(file, number, "checked"),)))


def made_old(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_a_change_keeps_every_other_field_and_byte(folder: Path) -> None:
    before = (folder / "labels.json").read_text("utf-8")

    check(opened(folder), 2)

    second = before.index('"id": 2')
    expected = before[:second] + before[second:].replace('"state": "new"', '"state": "checked"', 1)
    assert (folder / "labels.json").read_text("utf-8") == expected
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_link_and_its_files_permissions_stay(folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    (folder / "labels.json").rename(real)
    real.chmod(0o640)
    (folder / "labels.json").symlink_to(real)

    check(opened(folder), 1)

    assert (folder / "labels.json").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert on_disk(folder)["images"][0]["state"] == "checked"


def test_two_reviews_of_one_file_lose_nothing(folder: Path) -> None:
    first, second = opened(folder), opened(folder)

    check(first, 1)
    check(second, 2)
    first.refresh()

    assert [one["state"] for one in on_disk(folder)["images"]] == ["checked", "checked", "new"]
    assert [one.state for one in first.pictures.values()] == ["checked", "checked", "new"]


def fail_to_write(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_file_and_the_memory_as_they_were(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, before = opened(folder), (folder / "labels.json").read_bytes()
    monkeypatch.setattr(os, "fsync", fail_to_write)

    with pytest.raises(LabelFileError, match=r"nothing was saved.*No space left"):
        check(file, 1)

    assert (folder / "labels.json").read_bytes() == before
    assert file.pictures[1].state == "new"
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    monkeypatch.undo()
    check(file, 1)
    assert on_disk(folder)["images"][0]["state"] == "checked"


def test_a_file_that_another_program_cuts_is_kept_aside_and_written_anew(folder: Path) -> None:
    file, path = opened(folder), folder / "labels.json"
    whole = path.read_text("utf-8")
    path.write_text(whole[:300], "utf-8")

    with pytest.raises(LabelFileError, match="another program writes"):  # it may be about to write the rest
        check(file, 1)
    made_old(path)
    check(file, 1)

    assert (folder / "labels.json.damaged").read_text("utf-8") == whole[:300]
    assert len(on_disk(folder)["annotations"]) == 3
    assert on_disk(folder)["images"][0]["state"] == "checked"
    assert "labels.json.damaged" in file.notes[-1]


def test_a_file_that_is_gone_is_written_again(folder: Path) -> None:
    file = opened(folder)
    (folder / "labels.json").unlink()
    file.refresh()

    assert "is gone" in file.notes[-1]
    check(file, 3)
    assert [one["state"] for one in on_disk(folder)["images"]] == ["new", "new", "checked"]


def test_a_folder_that_is_gone_is_said(folder: Path) -> None:
    file = opened(folder)
    folder.rename(folder.with_name("elsewhere"))

    with pytest.raises(LabelFileError, match="put it back"):
        check(file, 1)


def cut(content: dict[str, Any]) -> str:
    return json.dumps(content)[:200]


def same_ids(content: dict[str, Any]) -> str:
    content["annotations"][1]["id"] = 1
    return json.dumps(content)


def odd_state(content: dict[str, Any]) -> str:
    content["images"][0]["state"] = "perhaps"
    return json.dumps(content)


@pytest.mark.parametrize(
    ("damage", "said"), [(cut, "not JSON"), (same_ids, "ids that differ"), (odd_state, "state must be one of")]
)
def test_a_file_that_cannot_be_reviewed_is_refused(
    folder: Path, damage: Callable[[dict[str, Any]], str], said: str
) -> None:
    (folder / "labels.json").write_text(damage(on_disk(folder)))

    with pytest.raises(PictureSetError, match=said):
        opened(folder)


def test_half_a_surrogate_pair_in_a_field_is_kept(folder: Path) -> None:
    content = on_disk(folder)
    content["images"][0]["remark"] = "\ud83d"
    (folder / "labels.json").write_text(json.dumps(content))

    check(opened(folder), 1)

    assert on_disk(folder)["images"][0]["remark"] == "\ud83d"
