# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Two merged sets, each annotated for half of the classes: the other half is unknown in it, not absent."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.model.datasets.coco_data import read_coco
from groundcast.model.datasets.labelled import labelled_coco
from groundcast.model.training.denoising import NoiseOptions
from groundcast.model.training.finetune import FinetuneRecipe, finetune
from groundcast.model.training.first_weights import first_weights
from groundcast.model.training.picture_batches import PictureOptions
from groundcast.model.training.trainer import TrainingOptions
from groundcast.model.training.validation import HeldOut, history
from groundcast.model.weights.checkpoint import find_checkpoint

from .shapes_set import NAMES, write_shapes

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

BOXES, DISCS = NAMES[:3], NAMES[3:]
DARK, LIGHT = 35, 215
STEPS = 150


def _write_merged(folder: Path, pictures: int, seed: int, *, federated: bool, complete: bool) -> Path:
    """Odd pictures are dark and state the boxes, even ones are light and state the discs; all show both."""
    path = write_shapes(folder, pictures, seed)
    content = json.loads(path.read_text())
    stated = {one["id"]: BOXES if one["id"] % 2 else DISCS for one in content["images"]}
    for image in content["images"]:
        shown = cv2.imread(str(folder / image["file_name"]))
        assert shown is not None
        shown[np.ptp(shown, axis=2) == 0] = DARK if image["id"] % 2 else LIGHT
        cv2.imwrite(str(folder / image["file_name"]), shown)
        if federated:
            image["exhaustive_for"] = list(stated[image["id"]])
    if not complete:
        content["annotations"] = [
            one for one in content["annotations"] if NAMES[one["category_id"] - 1] in stated[one["image_id"]]
        ]
    path.write_text(json.dumps(content))
    return path


def _learn(folder: Path, *, federated: bool) -> float:
    """AP50 on other pictures, all of whose objects are annotated."""
    path = _write_merged(folder / "learnt", 80, 1, federated=federated, complete=False)
    judged = _write_merged(folder / "judged", 40, 2, federated=False, complete=True)
    labelled = labelled_coco(read_coco(path, path.parent))
    weights = find_checkpoint("tabletop")
    recipe = FinetuneRecipe(
        TrainingOptions(STEPS, 6e-4, clip_norm=1.0, checkpoint_every=STEPS, mean_decay=0.9),
        PictureOptions(8, (0.9, 1.0), negatives=6, contrasts=3 if federated else 0, noise=NoiseOptions(20)),
        backbone_speed=1.0,
        text_speed=1.0,
        short_side=96,
    )
    held_out = HeldOut(read_coco(judged, judged.parent))
    run = folder / "run"
    finetune(first_weights(weights, labelled.wordings), weights, labelled, held_out, recipe, run)
    assert set(history(run)) == {STEPS}
    return float(json.loads((run / "validation.jsonl").read_text())["AP50"])


@pytest.mark.slow
def test_taking_the_unknown_for_absent_fails_where_leaving_it_open_learns_all(tmp_path: Path) -> None:
    as_absent = _learn(tmp_path / "absent", federated=False)
    as_unknown = _learn(tmp_path / "unknown", federated=True)

    assert as_absent < 0.7  # little more than half of the objects: each kind where it was stated
    assert as_unknown > 0.85
