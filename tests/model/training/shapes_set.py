"""A data set in COCO's format, as files: coloured rectangles and discs."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

NAMES = ("red_box", "green_box", "blue_box", "red_disc", "green_disc", "blue_disc")
COLOURS = {"red": (40, 40, 220), "green": (60, 180, 40), "blue": (210, 70, 40)}  # BGR


def write_shapes(folder: Path, pictures: int, seed: int = 0, size: tuple[int, int] = (96, 128)) -> Path:
    """Pictures of 1-3 shapes; the path of their annotations."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    height, width = size
    annotations: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for number in range(1, pictures + 1):
        image = np.full((height, width, 3), rng.integers(90, 150), np.uint8)
        cells = rng.permutation(6)[: rng.integers(1, 4)]
        for cell in cells:
            category = int(rng.integers(len(NAMES)))
            colour, shape = NAMES[category].split("_")
            side = int(rng.integers(18, 30))
            x = int(cell % 3) * width // 3 + int(rng.integers(0, max(1, width // 3 - side)))
            y = int(cell // 3) * height // 2 + int(rng.integers(0, max(1, height // 2 - side)))
            if shape == "box":
                cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), COLOURS[colour], -1)
            else:
                cv2.circle(image, (x + side // 2, y + side // 2), side // 2, COLOURS[colour], -1)
            box = {"bbox": [x, y, side, side], "area": side * side, "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": category + 1, **box})
        cv2.imwrite(str(folder / f"{number}.png"), image)
        images.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
    categories = [{"id": row, "name": name} for row, name in enumerate(NAMES, 1)]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path
