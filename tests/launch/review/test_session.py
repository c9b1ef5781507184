"""Edits of a review: what each leaves in the file, undo for each tab, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundcast.launch.review.edits import EditError
from groundcast.launch.review.label_file import LabelFile
from groundcast.launch.review.session import ReviewSession
from groundcast.model.masks.mask import mask_of

from .review_sets import HEIGHT, WIDTH, boxes_on_disk, make_set, on_disk, states_on_disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")


@pytest.fixture
def session(folder: Path) -> ReviewSession:
    return opened(folder)


def opened(folder: Path) -> ReviewSession:
    return ReviewSession(LabelFile(folder / "labels.json", folder / "images"))


def edit(session: ReviewSession, number: int, op: str, tab: str = "a", **values: Any) -> dict[str, Any]:
    """An edit of a tab that has just seen the picture."""
    version = session.picture(number)["version"]
    return session.edit({"tab": tab, "picture": number, "version": version, "op": op, **values})


def test_each_edit_is_in_the_file_when_it_is_answered(session: ReviewSession, folder: Path) -> None:
    answer = edit(session, 1, "add", name="blue thing", box=[200, 40, 260.004, 80])
    added = boxes_on_disk(folder, 1)[1]
    assert (added["bbox"], added["category_id"], added["area"]) == ([200.0, 40.0, 60.0, 40.0], 2, 2400.0)
    assert "score" not in added
    assert [one["name"] for one in answer["picture"]["boxes"]] == ["red thing", "blue thing"]

    edit(session, 1, "move", box_id=1, box=[60, 100, 100, 140])
    moved = boxes_on_disk(folder, 1)[0]
    assert (moved["bbox"], moved["score"], moved["attributes"]) == ([60.0, 100.0, 40.0, 40.0], 0.51, "x")
    assert moved["segmentation"] == [[60.0, 100.0, 100.0, 100.0, 80.0, 140.0]]

    edit(session, 1, "relabel", box_id=1, name="blue thing")
    assert (boxes_on_disk(folder, 1)[0]["category_id"], "score" in boxes_on_disk(folder, 1)[0]) == (2, False)

    edit(session, 1, "drop_shape", box_id=1)
    assert "segmentation" not in boxes_on_disk(folder, 1)[0]

    edit(session, 1, "remove", box_id=added["id"])
    assert [one["id"] for one in boxes_on_disk(folder, 1)] == [1]

    edit(session, 1, "state", state="rejected")
    assert states_on_disk(folder) == ["rejected", "new", "new"]
    assert boxes_on_disk(folder, 2)[0]["score"] == 0.52


def test_a_polygon_and_its_area_are_scaled_with_the_box(session: ReviewSession, folder: Path) -> None:
    edit(session, 1, "move", box_id=1, box=[50, 90, 130, 110])

    scaled = boxes_on_disk(folder, 1)[0]
    assert scaled["segmentation"] == [[50.0, 90.0, 130.0, 90.0, 90.0, 110.0]]
    assert scaled["area"] == 1600.0


def test_pixels_of_a_mask_follow_the_box_and_come_back_exactly(folder: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH), np.bool_)
    pixels[90:130, 50:90] = True
    pixels[100:110, 60:70] = False
    mask = mask_of(pixels, 1.0)
    assert mask is not None
    content = on_disk(folder)
    content["annotations"][0]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": mask.counts.decode()}
    (folder / "labels.json").write_text(json.dumps(content))
    session = opened(folder)

    answer = edit(session, 1, "move", box_id=1, box=[60, 100, 100, 140])

    moved = mask_of(np.roll(pixels, (10, 10), (0, 1)), 1.0)
    assert moved is not None
    assert boxes_on_disk(folder, 1)[0]["segmentation"]["counts"] == moved.counts.decode()
    assert len(answer["picture"]["boxes"][0]["outlines"]) == 2  # the outline and its hole
    edit(session, 1, "move", box_id=1, box=[0, 0, 20, 80])
    assert boxes_on_disk(folder, 1)[0]["area"] == moved.area_px
    session.undo({"tab": "a", "picture": 1})
    session.undo({"tab": "a", "picture": 1})
    assert on_disk(folder) == content


def test_undo_and_redo_are_exact_over_pictures(session: ReviewSession, folder: Path) -> None:
    whole = (folder / "labels.json").read_bytes()
    edit(session, 1, "add", name="a new class", box=[0, 0, 10, 10])
    edit(session, 2, "remove", box_id=2)
    edited = (folder / "labels.json").read_bytes()

    assert session.undo({"tab": "a", "picture": 1})["picture"]["id"] == 2
    assert session.undo({"tab": "a", "picture": 1})["classes"] == ["red thing", "blue thing"]
    assert (folder / "labels.json").read_bytes() == whole
    session.redo({"tab": "a"})
    session.redo({"tab": "a"})
    assert (folder / "labels.json").read_bytes() == edited
    with pytest.raises(EditError, match="nothing to redo"):
        session.redo({"tab": "a"})
    with pytest.raises(EditError, match="nothing to undo in this tab"):
        session.undo({"tab": "b"})


def test_a_new_class_that_others_use_outlives_the_undo(session: ReviewSession, folder: Path) -> None:
    edit(session, 1, "add", name="cup", box=[0, 0, 10, 10])
    edit(session, 2, "relabel", "b", box_id=2, name="cup")

    session.undo({"tab": "a"})

    assert [one["name"] for one in on_disk(folder)["categories"]] == ["red thing", "blue thing", "cup"]


def test_a_tab_that_has_not_seen_the_last_change_is_refused(session: ReviewSession, folder: Path) -> None:
    seen = session.picture(1)["version"]
    edit(session, 1, "remove", "b", box_id=1)

    with pytest.raises(EditError, match="changed elsewhere"):
        session.edit({"tab": "a", "picture": 1, "version": seen, "op": "move", "box_id": 1, "box": [0, 0, 9, 9]})
    assert boxes_on_disk(folder, 1) == []


def test_an_undo_over_the_change_of_another_tab_is_refused(session: ReviewSession, folder: Path) -> None:
    edit(session, 1, "remove", box_id=1)
    edit(session, 1, "state", "b", state="checked")

    with pytest.raises(EditError, match="changed elsewhere since"):
        session.undo({"tab": "a"})
    assert states_on_disk(folder)[0] == "checked"


def test_accepting_a_class_above_a_score_checks_the_pictures_that_are_done(
    session: ReviewSession, folder: Path
) -> None:
    edit(session, 3, "add", name="blue thing", box=[200, 40, 260, 80])
    whole = on_disk(folder)

    answer = session.edit(
        {"tab": "a", "op": "accept", "name": "red thing", "score": 0.52, "check": True, "everywhere": True}
    )

    assert [line["id"] for line in answer["lines"]] == [2, 3]
    assert states_on_disk(folder) == ["new", "checked", "checked"]
    assert [one.get("accepted") for one in on_disk(folder)["annotations"]] == [None, True, True, True]
    session.undo({"tab": "a"})
    assert on_disk(folder) == whole


def test_accepting_leaves_pictures_with_other_open_boxes_new(session: ReviewSession, folder: Path) -> None:
    content = on_disk(folder)
    content["annotations"].append({**content["annotations"][0], "id": 9, "category_id": 2, "score": 0.9})
    (folder / "labels.json").write_text(json.dumps(content))

    edit(session, 1, "accept", name="red thing", score=0.0, check=True)

    assert states_on_disk(folder)[0] == "new"
    edit(session, 1, "accept", name="blue thing", score=0.0, check=False)
    assert states_on_disk(folder)[0] == "new"


def test_what_another_program_adds_is_there_at_the_next_edit(session: ReviewSession, folder: Path) -> None:
    content = on_disk(folder)
    content["annotations"].append({**content["annotations"][2], "id": 77})
    (folder / "labels.json").write_text(json.dumps(content))

    edit(session, 1, "add", name="red thing", box=[0, 0, 10, 10])

    assert sorted(one["id"] for one in on_disk(folder)["annotations"]) == [1, 2, 3, 77, 78]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"op": "fly"}, "does not know"),
        ({"op": ["add"], "name": "x"}, "does not know"),
        ({"op": "state", "state": "perhaps"}, "a state is one of"),
        ({"op": "add", "name": " ", "box": [0, 0, 9, 9]}, "needs a name"),
        ({"op": "add", "name": "a\u202eb", "box": [0, 0, 9, 9]}, "needs a name"),
        ({"op": "add", "name": "x" * 201, "box": [0, 0, 9, 9]}, "needs a name"),
        ({"op": "add", "name": "x", "box": [0, 0, float("nan"), 9]}, "four numbers"),
        ({"op": "add", "name": "x", "box": [0, 0, True, 9]}, "four numbers"),
        ({"op": "add", "name": "x", "box": [0, 0, 9]}, "four numbers"),
        ({"op": "add", "name": "x", "box": [400, 0, 500, 50]}, "too small"),
        ({"op": "move", "box_id": 1, "box": [5, 5, 5, 60]}, "too small"),
        ({"op": "move", "box_id": 2, "box": [0, 0, 9, 9]}, "no longer there"),
        ({"op": "remove", "box_id": "1"}, "a whole number"),
        ({"op": "accept", "name": "red thing", "score": 2}, "in 0..1"),
        ({"op": "accept", "name": "nothing", "score": 0.5}, "no class is named"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    session: ReviewSession, folder: Path, values: dict[str, Any], said: str
) -> None:
    before = (folder / "labels.json").read_bytes()

    with pytest.raises(EditError, match=said):
        edit(session, 1, **values)

    assert (folder / "labels.json").read_bytes() == before


def test_a_picture_that_the_set_no_longer_has_is_said(session: ReviewSession) -> None:
    with pytest.raises(EditError, match="no longer in the data set"):
        session.picture(99)
