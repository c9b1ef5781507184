"""Teach `everyday` classes that it has never seen, from a few photographs, and measure them before and after.

    python docs/examples/new_words.py ANNOTATIONS PICTURES boot rabbit --train 60 --test 30

ANNOTATIONS are files in COCO's format, separated by commas. The photographs that show one of the classes are drawn with
a seed: 60 to learn from and 30 to judge by, as many of each class as of the others.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LEARNING = [
    *("--batch", "8", "--learning-rate", "3e-4", "--backbone-rate", "0.3", "--text-rate", "1.0", "--clip", "1.0"),
    *("--mean-decay", "0.98", "--contrasts", "15", "--zoom", "1.5", "--colours", "--dense", "1.0", "--noised", "0"),
    *("--mosaic", "0.25", "--paste", "0.2", "--size", "240", "--smallest", "0.8", "--checkpoint-every", "100"),
]


def main() -> None:
    """Draw the photographs, evaluate, train, evaluate again, and print a table."""
    given = _arguments()
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    contents = [json.loads(Path(name).read_text(encoding="utf-8")) for name in given.annotations.split(",")]
    train, test = draw(contents, given.classes, given.train, given.test, given.seed)
    for name, content in (("train", train), ("test", test)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    before = dict.fromkeys(given.classes, 0.0)  # the model refuses words that it was not taught
    began_s = time.monotonic()
    groundcast(
        *("train", "detector", folder / "train.json", given.pictures, "--model", given.model),
        *("--folder", folder / "run", "--steps", str(given.steps), *LEARNING),
    )
    minutes = (time.monotonic() - began_s) / 60
    weights = folder / "run" / "best.safetensors"
    groundcast("eval", "coco", folder / "test.json", given.pictures, "--model", weights, "--folder", folder / "after")
    after = figures(folder / "after" / "classes.csv")
    print(f"{len(train['images'])} photographs learnt in {minutes:.1f} minutes, {len(test['images'])} others judged")
    for name in given.classes:
        print(f"{name}: AP50 {before[name]:.2f} before, {after[name]:.2f} after")


def draw(
    contents: list[dict[str, Any]], classes: list[str], train: int, test: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Photographs of the classes, drawn from all files, in two data sets that share none.

    Returns:
        The contents of two files in COCO's format, with these categories alone.
    """
    categories = [{"id": row, "name": name} for row, name in enumerate(classes, 1)]
    wanted = {one["name"]: one["id"] for one in categories}
    images: list[dict[str, Any]] = []
    boxes: dict[int, list[dict[str, Any]]] = {}
    for content in contents:
        names = {one["id"]: one["name"] for one in content["categories"]}
        for image in content["images"]:
            found = [one for one in content["annotations"] if one["image_id"] == image["id"]]
            own = [
                one | {"category_id": wanted[name]} for one in found if (name := names[one["category_id"]]) in wanted
            ]
            if own:
                number = len(images) + 1
                known = [name for name in image.get("exhaustive_for", classes) if name in wanted]
                images.append(image | {"id": number, "exhaustive_for": known})
                boxes[number] = [one | {"image_id": number} for one in own]
    random.Random(seed).shuffle(images)
    sets: tuple[list[dict[str, Any]], ...] = ([], [])
    for identifier in wanted.values():
        own = [one for one in images if boxes[one["id"]][0]["category_id"] == identifier]
        share = train // len(classes), test // len(classes)
        if len(own) < sum(share):
            sys.exit(f"class {identifier} has {len(own)} photographs: ask for fewer than {sum(share)}")
        sets[0].extend(own[: share[0]])
        sets[1].extend(own[share[0] : sum(share)])
    first, second = (_content(part, boxes, categories) for part in sets)
    return first, second


def _content(
    images: list[dict[str, Any]], boxes: dict[int, list[dict[str, Any]]], categories: list[dict[str, Any]]
) -> dict[str, Any]:
    own = [one for image in images for one in boxes[image["id"]]]
    numbered = [{**one, "id": number} for number, one in enumerate(own, 1)]
    return {"images": images, "annotations": numbered, "categories": categories}


def figures(path: Path) -> dict[str, float]:
    """AP50 by class."""
    rows = [line.rsplit(",", 4) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return {name: float(ap50) for name, _, ap50, _, _ in rows}


def groundcast(*arguments: str | Path) -> None:
    """Run one of groundcast's commands; end with it where it fails."""
    command = shutil.which("groundcast", path=str(Path(sys.executable).parent)) or "groundcast"
    print(">", "groundcast", *arguments, flush=True)
    if subprocess.run([command, *map(str, arguments)], check=False).returncode:
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations")
    parser.add_argument("pictures")
    parser.add_argument("classes", nargs="+")
    parser.add_argument("--model", default="everyday")
    parser.add_argument("--train", type=int, default=60)
    parser.add_argument("--test", type=int, default=30)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/new-words"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
