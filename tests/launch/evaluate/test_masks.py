"""`groundcast eval masks`: figures of rendered scenes."""

from __future__ import annotations

import json

import pytest

from ..commands import in_process

pytest.importorskip("mujoco", reason="needs the [eval] extra")


def test_masks_of_held_out_scenes_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "eval", "masks", "--scenes", "2", "--device", "cpu", "--json")

    figures = json.loads(ended.out.splitlines()[-1])
    assert ended.code == 0
    assert (figures["scenes"], figures["masker"], figures["model"]) == (2, "tabletop", "tabletop")
    assert 0 < figures["matched"] <= figures["objects"]
    assert figures["iou"] > 0.7
    assert figures["iou"] <= figures["intervals"]["iou"][1] <= 1


@pytest.mark.bar
@pytest.mark.slow
def test_five_hundred_scenes_meet_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "eval", "masks", "--scenes", "500", "--device", "cpu", "--json")

    figures = json.loads(ended.out.splitlines()[-1])
    assert figures["scenes"] == 500
    assert figures["matched"] > 0.85 * figures["objects"]  # the detector's own boxes, of objects at least half visible
    assert figures["iou"] >= 0.87
    assert figures["boundary_f"] >= 0.85
