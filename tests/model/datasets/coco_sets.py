"""Small random data sets in COCO's and LVIS's format, and detections near their truth."""

# numpy 1.26 leaves the types of Generator.integers open.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.evaluation.average_precision import SceneDetections
from groundcast.model.prompt import Prompt

WIDTH, HEIGHT = 320, 240
NAMES = ("red cube", "ball", "coffee_mug", "bow_(weapon)", "bow_(ribbon)", "can, small", "ring")


def draw_set(seed: int, pictures: int = 12) -> dict[str, Any]:
    """Objects of every size, crowds among them; ids that are neither dense nor in order; what LVIS adds."""
    rng = np.random.default_rng(seed)
    numbers = [int(n) for n in rng.permutation(500)[:pictures] + 1]
    ids = [3 * k + 2 for k in range(len(NAMES))]
    annotations: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for number in numbers:
        mine = rng.choice(ids[:-1], 3, replace=False)
        for _ in range(int(rng.integers(2, 7))):
            width, height = rng.uniform(8, 180), rng.uniform(8, 140)
            x, y = rng.uniform(0, WIDTH - width), rng.uniform(0, HEIGHT - height)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(rng.choice(mine)),
                    "bbox": [round(float(side), 2) for side in (x, y, width, height)],
                    "area": round(float(width * height * rng.uniform(0.5, 1)), 2),
                    "iscrowd": int(rng.random() < 0.1),
                }
            )
        present = {one["category_id"] for one in annotations if one["image_id"] == number}
        free = [one for one in ids if one not in present]
        images.append(
            {
                "id": number,
                "file_name": f"{number:03d}.png",
                "width": WIDTH,
                "height": HEIGHT,
                "neg_category_ids": [int(one) for one in rng.choice(free, 2, replace=False)],
                "not_exhaustive_category_ids": [one for one in sorted(present) if rng.random() < 0.3],
            }
        )
    named = enumerate(zip(ids, NAMES, strict=True))
    categories = [{"id": one, "name": name, "frequency": "rcf"[row % 3]} for row, (one, name) in named]
    return {"images": images, "categories": categories, "annotations": annotations}


def write_set(folder: Path, content: dict[str, Any], name: str = "instances.json") -> Path:
    """The annotations beside their pictures; the red of a picture tells a fake detector which one it is."""
    folder.mkdir(parents=True, exist_ok=True)
    for row, image in enumerate(content["images"]):
        picture = np.full((image["height"], image["width"], 3), (0, 0, row), np.uint8)
        cv2.imwrite(str(folder / str(image["file_name"])), picture)
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def draw_found(content: dict[str, Any], seed: int) -> dict[int, SceneDetections]:
    """Of each picture: boxes near the truth, doubled, of wrong categories, and somewhere else."""
    rng = np.random.default_rng(seed)
    ids = [one["id"] for one in content["categories"]]
    found: dict[int, SceneDetections] = {}
    for image in content["images"]:
        own = [one for one in content["annotations"] if one["image_id"] == image["id"]]
        xywh = np.array([one["bbox"] for one in own])
        truth = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
        near = np.repeat(truth, 3, 0) + rng.normal(0, 6, (3 * len(truth), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
        away = rng.uniform(0, 100, (6, 2))
        boxes = np.concatenate([near, np.concatenate([away, away + 50], 1)]).astype(np.float32).astype(np.float64)
        right = np.repeat([one["category_id"] for one in own], 3)
        right[2::3] = rng.choice(ids, len(right[2::3]))
        categories = np.concatenate([right, rng.choice(ids, 6)])
        scores = rng.random(len(boxes)).round(2)  # rounded: ties occur
        found[image["id"]] = SceneDetections(boxes, categories, scores)
    return found


class Drawn:
    """Answers with drawn boxes of those categories that it is asked for, best first."""

    info = DetectorInfo("drawn", "float32", "mean")

    def __init__(
        self, content: dict[str, Any], found: dict[int, SceneDetections], fails_after: int | None = None
    ) -> None:
        self._numbers = [image["id"] for image in content["images"]]
        self._found, self._left = found, fails_after
        self.asked: list[Prompt] = []

    def check(self, prompt: Prompt) -> None:
        self.asked.append(prompt)

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]:
        if self._left is not None:
            self._left -= len(images)
            if self._left < 0:
                raise KeyboardInterrupt
        return [self._answer(image, prompt) for image, prompt in zip(images, prompts, strict=True)]

    def _answer(self, image: NDArray[np.uint8], prompt: Prompt) -> Detections:
        found = self._found[self._numbers[int(image[0, 0, 0])]]
        asked = {int(name): row for row, name in enumerate(prompt.names)}
        rows = [row for row in np.argsort(-found.scores, kind="stable") if int(found.categories[row]) in asked]
        return Detections(
            prompt.names,
            found.boxes_xyxy[rows].astype(np.float32).reshape(-1, 4),
            found.scores[rows].astype(np.float32),
            np.array([asked[int(found.categories[row])] for row in rows], np.int64),
        )
