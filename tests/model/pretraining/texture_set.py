"""A data set in COCO's format, as files: patches that only their texture tells apart, in any colours."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TEXTURES = ("lines", "bars", "checks", "dots", "rings", "crosses", "plain")
_SIZE_HW = (144, 192)
_STEP_PX = 8


def write_textures(folder: Path, pictures: int, seed: int) -> Path:
    """Pictures of three or four patches; the path of their annotations."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, pictures + 1):
        cloud = rng.integers(60, 190, (4, 5, 3)).astype(np.uint8)
        image = np.asarray(cv2.resize(cloud, _SIZE_HW[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
        for cell in rng.permutation(6)[: rng.integers(3, 5)].tolist():
            side, texture = int(rng.integers(34, 56)), int(rng.integers(len(TEXTURES)))
            x, y = cell % 3 * 64 + int(rng.integers(0, 64 - side)), cell // 3 * 72 + int(rng.integers(0, 72 - side))
            dark, light = rng.integers(0, 90, 3), rng.integers(165, 256, 3)
            patch = np.where(_texture(TEXTURES[texture], side)[..., None], light, dark)
            image[y : y + side, x : x + side] = patch if rng.random() < 0.5 else light + dark - patch
            box = {"bbox": [x, y, side, side], "area": side * side, "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": texture + 1, **box})
        cv2.imwrite(str(folder / f"{number}.png"), image)
        images.append({"id": number, "file_name": f"{number}.png", "width": _SIZE_HW[1], "height": _SIZE_HW[0]})
    categories = [{"id": row, "name": name} for row, name in enumerate(TEXTURES, 1)]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def _texture(name: str, side: int) -> NDArray[np.bool_]:
    """(side, side): where the patch is light."""
    y, x = np.mgrid[:side, :side]
    across, down = x % _STEP_PX - _STEP_PX // 2, y % _STEP_PX - _STEP_PX // 2
    textures = {
        "lines": down >= 0,
        "bars": across >= 0,
        "checks": (across >= 0) ^ (down >= 0),
        "dots": across**2 + down**2 <= 8,
        "rings": np.hypot(x - side / 2, y - side / 2) % _STEP_PX >= _STEP_PX / 2,
        "crosses": (np.abs(across) <= 1) | (np.abs(down) <= 1),
        "plain": np.ones((side, side), np.bool_),
    }
    return textures[name]
