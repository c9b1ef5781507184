"""Data sets to review, and the page's process in front of them, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..child_process import child_process

WIDTH, HEIGHT = 320, 240


def make_set(folder: Path, count: int = 3) -> Path:
    """A data set as `groundcast label` leaves it: each picture has a red square and a box of it that is a little off,
    with fields that only other programs know.
    """
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        pixels[100:140, 60:100] = (220, 30, 30)
        pixels[40:80, 200:260] = (30, 60, 220)
        name = f"{number:02d} ä.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT, "license": 7})
        images[-1] |= {"state": "new", "split": "train"}
        box = {"id": number, "image_id": number, "category_id": 1, "bbox": [50.0, 90.0, 40.0, 40.0], "area": 1600.0}
        shape = [[50.0, 90.0, 90.0, 90.0, 70.0, 130.0]]
        annotations.append({**box, "iscrowd": 0, "score": 0.5 + number / 100, "segmentation": shape, "attributes": "x"})
    categories = [{"id": 1, "name": "red thing"}, {"id": 2, "name": "blue thing", "supercategory": "s"}]
    content = {"info": {"description": "groundcast"}, "licenses": [{"id": 7, "name": "CC0"}], "images": images}
    text = json.dumps({**content, "annotations": annotations, "categories": categories}, ensure_ascii=False)
    (folder / "labels.json").write_text(text + "\n", "utf-8")
    return folder


def on_disk(folder: Path) -> dict[str, Any]:
    """The file's content as it is now."""
    return json.loads((folder / "labels.json").read_text("utf-8"))


def boxes_on_disk(folder: Path, picture: int) -> list[dict[str, Any]]:
    return [one for one in on_disk(folder)["annotations"] if one["image_id"] == picture]


def states_on_disk(folder: Path) -> list[str]:
    return [one["state"] for one in on_disk(folder)["images"]]


@dataclass
class ReviewProcess:
    """A running `groundcast dataset review`.

    Args:
        url: with the token.
        process: itself.
    """

    url: str
    process: subprocess.Popen[str]


@contextmanager
def review_process(folder: Path, *command: str) -> Generator[ReviewProcess]:
    """Run it until the block is left."""
    groundcast = "from groundcast.launch.cli import main; main()"
    words = command or ("dataset", "review", str(folder), "--listen", "127.0.0.1:0", "--json")
    errors = folder.parent / "review.err"
    with child_process([sys.executable, "-c", groundcast, *words], errors) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, errors.read_text()
        yield ReviewProcess(json.loads(first)["ready"]["url"] if "--json" in words else first, process)
    assert "Traceback" not in errors.read_text()
