"""Validation during training: writes the weights, evaluates them on held-out pictures and keeps the best."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from ..datasets.coco_data import CocoData
from ..detector import Detector, DetectorOptions
from ..evaluation.average_precision import SceneDetections
from ..evaluation.coco_eval import Judged, evaluate_coco
from ..evaluation.coco_judge import measure_of
from ..weights.checkpoint import Checkpoint, keep_weights, write_checkpoint
from .optimiser import TrainingError

LAST, BEST, FIGURES = "last.safetensors", "best.safetensors", "validation.jsonl"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The held-out data and how they are evaluated.

    Args:
        data: pictures that are not trained on.
        chunk: categories per pass.
        boxes: the number of best boxes kept per picture.
        batch: pictures per call.
    """

    data: CocoData
    chunk: int = 80
    boxes: int = 300
    batch: int = 4

    @property
    def wordings(self) -> list[str]:
        """The categories' wordings."""
        return [category.wording for category in self.data.categories]


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """The figures of a step's weights, and whether they are the best so far."""

    step: int
    judged: Judged
    is_best: bool


class _Memory:
    """A detection store in memory."""

    def __init__(self) -> None:
        self.found: dict[int, SceneDetections] = {}

    def add(self, found: Mapping[int, SceneDetections]) -> None:
        self.found |= found


class Validation:
    """`validation(step, networks)`: writes the weights of the network `model` and evaluates them on held-out pictures.

    It evaluates the written file, which is rounded to fp16. Figures go to `validation.jsonl`, and the
    weights with the highest AP, the first of equals, to `best.safetensors`.

    Args:
        checkpoint: everything except the weights.
        folder: receives the files.
        options: the detector's options: input size and device.
        held_out: None evaluates nothing, and the last weights are the best.
        facts: added to the files' description.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        folder: Path,
        options: DetectorOptions,
        held_out: HeldOut | None,
        facts: Mapping[str, Any],
    ) -> None:
        self._checkpoint, self._folder, self._facts = checkpoint, folder, facts
        self._options = replace(options, threshold=0.0, nms_iou=None, one_phrase=False)
        self._held_out = held_out

    def __call__(self, step: int, networks: Mapping[str, nn.Module]) -> JudgedStep | None:
        """The figures, if there are any; a step that was evaluated before is skipped."""
        if step in history(self._folder):
            return None
        path = self._folder / LAST
        weights = replace(self._checkpoint, weights=keep_weights(networks["model"]))
        try:
            write_checkpoint(path, weights, {**self._facts, "step": step})
            judged = None if self._held_out is None else self._judge(path, self._held_out)
            ap = 0.0 if judged is None else judged.result.figures["AP"]
            is_best = judged is None or ap > max(history(self._folder).values(), default=-1.0)
            if is_best:
                self._keep(path)
            if judged is not None:
                with (self._folder / FIGURES).open("a") as file:
                    file.write(json.dumps({"step": step, **judged.result.figures}) + "\n")
        except OSError as error:
            raise TrainingError(f"{self._folder} cannot be written ({error}): make room, then run again") from error
        return None if judged is None else JudgedStep(step, judged, is_best)

    def _judge(self, path: Path, held_out: HeldOut) -> Judged:
        store, measure = _Memory(), measure_of(held_out.data)
        with Detector.load(str(path), self._options) as detector:
            result = evaluate_coco(
                detector,
                held_out.data,
                store,
                measure.judge,
                {**measure.choices, **self._facts},
                chunk=held_out.chunk,
                boxes=held_out.boxes,
                batch=held_out.batch,
            )
        return Judged(held_out.data, store.found, result)

    def _keep(self, path: Path) -> None:
        for suffix in (".json", ".safetensors"):
            partial = self._folder / f"{BEST}.part"
            shutil.copyfile(path.with_suffix(suffix), partial)
            partial.replace((self._folder / BEST).with_suffix(suffix))


def history(folder: Path) -> dict[int, float]:
    """AP by step, from the figures stored in a folder."""
    path = folder / FIGURES
    lines = path.read_text().splitlines() if path.exists() else []
    return {int(point["step"]): float(point["AP"]) for point in map(json.loads, lines)}
