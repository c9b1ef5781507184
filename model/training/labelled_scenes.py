# pyright: reportUnknownMemberType=false
"""Labelled scenes: tabletop's rendered scenes as labelled pictures, for training on photographs and scenes together.

An object's wordings are its colour and kind ("red mug"), its kind ("mug") and its colour ("red object").
A never-trained pair is no wording: the model would learn that it is always absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..datasets.labelled import LabelledData, LabelledPicture, WordingRows
from ..tabletop.dataset import SceneShard
from ..tabletop.words import COLOURS, KINDS, TRAINING_PAIRS, phrase
from .stored_scenes import ShardScenes, StoredScene

_MIN_VISIBLE, _MIN_PX = 0.25, 9.0  # an object less visible is neither an example nor absent
_QUALITY = 95  # of the JPEGs


def labelled_scenes(shards: Sequence[SceneShard], folder: Path) -> LabelledData:
    """Write each missing scene as a JPEG, and return the scenes' labels.

    Args:
        shards: training scenes.
        folder: receives the pictures.

    Raises:
        OSError: the folder cannot be written.
    """
    wordings = WordingRows()
    for text in (*(phrase(*pair) for pair in TRAINING_PAIRS), *KINDS, *(f"{colour} object" for colour in COLOURS)):
        wordings.row(text)
    scenes, digest = ShardScenes(shards), hashlib.sha256()
    folder.mkdir(parents=True, exist_ok=True)
    pictures: list[LabelledPicture] = []
    for number in range(len(scenes)):
        scene = scenes[number]
        file = folder / f"{shards[0].first_seed + number:08d}.jpg"
        if not file.is_file():
            _write(scene, file)
        digest.update(scene.boxes_xyxy.tobytes())
        pictures.append(_labelled(scene, file, wordings))
    return LabelledData(folder, digest.hexdigest(), tuple(pictures), wordings.all)


def _labelled(scene: StoredScene, file: Path, wordings: WordingRows) -> LabelledPicture:
    sides = scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]
    shows = (scene.visible >= _MIN_VISIBLE) & (sides >= _MIN_PX).all(1)
    answers = [
        tuple(wordings.row(text) for text in (phrase(colour, kind), kind, f"{colour} object"))
        for colour, kind in scene.pairs
    ]
    visible_rows = [row for row, is_visible in enumerate(shows.tolist()) if is_visible]
    hidden = frozenset(one for row, own in enumerate(answers) if row not in visible_rows for one in own)
    height, width = scene.picture.shape[:2]
    boxes = np.ascontiguousarray(scene.boxes_xyxy[visible_rows], np.float32)
    return LabelledPicture(file, width, height, boxes, tuple(answers[row] for row in visible_rows), never_asked=hidden)


def _write(scene: StoredScene, file: Path) -> None:
    _, coded = cv2.imencode(
        ".jpg", cv2.cvtColor(scene.picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    partial = file.with_suffix(".part")
    partial.write_bytes(coded.tobytes())
    partial.replace(file)
