# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Rendered scenes as labelled pictures: what their objects answer, and what is never asked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from groundcast.model.tabletop.dataset import OBJECT_DTYPE, SceneShard
from groundcast.model.tabletop.words import COLOURS, HELD_OUT, KINDS, phrase
from groundcast.model.training.labelled_scenes import labelled_scenes


def test_scenes_answer_colour_and_kind_and_ask_for_no_never_trained_pair(tmp_path: Path) -> None:
    shown = np.random.default_rng(0).integers(0, 255, (1, 240, 320, 3), np.uint8)
    shown[:] = cv2.GaussianBlur(shown[0], (0, 0), 5)
    np.save(tmp_path / "images.npy", shown)
    rows = np.zeros(2, OBJECT_DTYPE)
    mug, ball = KINDS.index("mug"), KINDS.index("ball")
    rows["kind"], rows["colour"] = (mug, ball), (COLOURS.index("red"), COLOURS.index("blue"))
    rows["visible"], rows["box_xyxy"] = (1.0, 0.1), [(10, 20, 60, 80), (100, 20, 160, 80)]
    np.save(tmp_path / "objects.npy", rows)

    data = labelled_scenes([SceneShard(tmp_path, 0, 1)], tmp_path / "pictures")

    (picture,) = data.pictures
    assert [[data.wordings[one] for one in own] for own in picture.answers] == [["red mug", "mug", "red object"]]
    assert {data.wordings[one] for one in picture.never_asked} == {"blue ball", "ball", "blue object"}
    assert not {phrase(*pair) for pair in HELD_OUT} & set(data.wordings)
    stored = cv2.imread(str(picture.file))
    assert stored is not None
    assert np.abs(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB).astype(int) - shown[0]).mean() < 3
