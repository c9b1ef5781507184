"""A loop that closes: label pictures of things that the model has no word for, correct a few by hand, train, compare.

    pip install 'groundcast[node,eval]'
    python label_and_train.py runs/loop                                 # 400 pictures; minutes on a GPU, longer without
    python label_and_train.py runs/loop --pictures 60 --corrected 20 --steps 200

The pictures are rendered tables with snowmen, towers, mushrooms and dumbbells. tabletop knows none of these words, so
`classes.txt` says what they look like to it: "snowman = ball". What it finds is then corrected in a few pictures. There
a person would run `groundcast label --review`; this script plays the person, with the same edits, by the renderer's
truth.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from groundcast.launch.label.set_report import box_iou
from groundcast.launch.review.label_file import LabelFile
from groundcast.launch.review.session import ReviewSession
from groundcast.model.tabletop.objects import Body, Rgb, Surface, paint
from groundcast.model.tabletop.renderer import SceneRenderer
from groundcast.model.tabletop.scene import Scene, Thing, put_down
from groundcast.model.tabletop.scenes import SceneOptions, draw_scene

Box = tuple[float, float, float, float]
KNOWN_AS = {"snowman": "ball", "tower": "cube", "mushroom": "mug", "dumbbell": "can"}  # new word -> tabletop's word
KINDS = tuple(KNOWN_AS)
TRAIN_SEED, HELD_OUT_SEED = 50_000_000, 60_000_000
MIN_VISIBLE = 0.3


@dataclass(frozen=True)
class Truth:
    """What a picture shows: its objects as class and box."""

    file: str
    objects: tuple[tuple[str, Box], ...]


def main() -> None:
    """Do it all, and print the figures as one JSON object."""
    options = read_options()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    truths = list(render(folder / "photos", TRAIN_SEED, options.pictures))
    held_out = list(render(folder / "held-out", HELD_OUT_SEED, options.held_out))
    write_truth(folder / "known-words.json", held_out, KNOWN_AS)
    write_truth(folder / "new-words.json", held_out, {kind: kind for kind in KINDS})
    before = average_precision(folder, "known-words.json", "tabletop", "before")

    classes = "".join(f"{new} = {known}\n" for new, known in KNOWN_AS.items())
    (folder / "classes.txt").write_text(classes)
    groundcast(
        *("label", folder / "photos", "--classes", folder / "classes.txt", "--folder", folder / "set"),
        *("--split", "1", "--overwrite"),
    )
    edits = correct(folder / "set", truths[: options.corrected])
    (folder / "checked").mkdir(exist_ok=True)
    checked = keep_checked(folder / "set" / "labels.json", folder / "checked" / "first.json")
    train(folder, folder / "checked" / "first.json", "first", "tabletop", options.steps)

    # The model that has seen the corrected pictures labels the others better than tabletop could.
    groundcast(
        *("label", folder / "photos", "--prompt", " . ".join(KINDS), "--model", folder / "first" / "last.safetensors"),
        *("--folder", folder / "set-2", "--split", "1", "--threshold", "0.4", "--overwrite"),
    )
    correct(folder / "set-2", truths[: options.corrected])
    groundcast("dataset", "convert", folder / "set-2", "--to", "coco", "--folder", folder / "both")
    train(
        folder, folder / "both" / "coco" / "train.json", "second", folder / "first" / "last.safetensors", options.steps
    )
    after_first = average_precision(folder, "new-words.json", folder / "first" / "last.safetensors", "after-first")
    after = average_precision(folder, "new-words.json", folder / "second" / "last.safetensors", "after")
    figures = {"pictures": options.pictures, "corrected": checked, "edits": edits, "AP_before": before}
    print(json.dumps({**figures, "AP_after_corrected": after_first, "AP_after": after}))


def read_options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Label, correct, train, compare.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--held-out", type=int, default=100)
    parser.add_argument("--corrected", type=int, default=60, help="pictures that the person corrects")
    parser.add_argument("--steps", type=int, default=400, help="steps of each of the two trainings")
    return parser.parse_args()


def groundcast(*words: str | Path) -> str:
    """Run a command as a user would type it; returns what it prints."""
    command = [str(Path(sys.executable).with_name("groundcast")), *map(str, words)]
    print("$ groundcast", *map(str, words), file=sys.stderr)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def train(folder: Path, annotations: Path, name: str, model: str | Path, steps: int) -> None:
    """Teach a model; its weights are then in `folder/name/last.safetensors`."""
    groundcast(
        *("train", "detector", annotations, folder / "set" / "images", "--model", model, "--folder", folder / name),
        *("--steps", str(steps), "--batch", "4", "--learning-rate", "4e-4", "--mean-decay", "0.99"),
        *("--checkpoint-every", str(steps), "--noised", "0", "--size", "240"),
    )


def average_precision(folder: Path, truth: str, model: str | Path, name: str) -> float:
    """Of a model on the held-out pictures."""
    words = ("eval", "coco", folder / truth, folder / "held-out", "--model", model, "--folder", folder / name)
    result = json.loads(groundcast(*words, "--json").splitlines()[-1])
    return round(float(result["AP"]), 4)


def correct(dataset: Path, truths: Sequence[Truth]) -> int:
    """Do what a person does on the review page, until the first pictures are right; returns the number of edits."""
    file = LabelFile(dataset / "labels.json", dataset / "images")
    session = ReviewSession(file)
    numbers = {one.image["file_name"]: number for number, one in file.pictures.items()}
    edits = 0

    def edit(picture: int, **values: Any) -> None:
        nonlocal edits
        edits += values["op"] != "state"
        session.edit({"tab": "person", "picture": picture, "version": session.picture(picture)["version"], **values})

    for truth in truths:
        number = numbers[truth.file]
        left = list(truth.objects)
        for box in session.picture(number)["boxes"]:
            match = best_match(left, box["box"])
            if match is None:
                edit(number, op="remove", box_id=box["id"])
                continue
            left.remove(match)
            if match[0] != box["name"]:
                edit(number, op="relabel", box_id=box["id"], name=match[0])
            if box_iou(match[1], box["box"]) < 0.8:
                edit(number, op="move", box_id=box["id"], box=list(match[1]))
        for name, box in left:
            edit(number, op="add", name=name, box=list(box))
        edit(number, op="state", state="checked")
    return edits


def best_match(objects: Sequence[tuple[str, Box]], box: Sequence[float]) -> tuple[str, Box] | None:
    """The object that a box is of; None where it is of none."""
    overlaps = [box_iou(one[1], box) for one in objects]
    return objects[overlaps.index(max(overlaps))] if overlaps and max(overlaps) >= 0.5 else None


def keep_checked(labels: Path, path: Path) -> int:
    """A COCO file of the checked pictures alone; returns how many there are."""
    content = json.loads(labels.read_text("utf-8"))
    images = [one for one in content["images"] if one["state"] == "checked"]
    kept = {one["id"] for one in images}
    annotations = [one for one in content["annotations"] if one["image_id"] in kept]
    path.write_text(json.dumps({**content, "images": images, "annotations": annotations}), "utf-8")
    return len(images)


def write_truth(path: Path, truths: Sequence[Truth], names: Mapping[str, str]) -> None:
    """The objects as a COCO file, under the names that a model knows them by."""
    images = [{"id": row, "file_name": one.file, "width": 640, "height": 480} for row, one in enumerate(truths, 1)]
    objects = [(row, kind, box) for row, one in enumerate(truths, 1) for kind, box in one.objects]
    annotations = [
        {"id": number, "image_id": row, "category_id": KINDS.index(kind) + 1, "iscrowd": 0}
        | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        for number, (row, kind, (x1, y1, x2, y2)) in enumerate(objects, 1)
    ]
    categories = [{"id": row, "name": names[kind]} for row, kind in enumerate(KINDS, 1)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


# ---- the pictures


def render(folder: Path, first_seed: int, count: int) -> Iterator[Truth]:
    """Rendered pictures of tables with the new kinds, and what each shows."""
    folder.mkdir(exist_ok=True)
    with SceneRenderer() as renderer:
        for number in range(count):
            scene = with_new_kinds(draw_scene(first_seed + number, SceneOptions(min_objects=3, max_objects=6)))
            rendering = renderer.render(scene)
            name = f"{number:04d}.jpg"
            cv2.imwrite(str(folder / name), cv2.cvtColor(rendering.image, cv2.COLOR_RGB2BGR))
            objects: list[tuple[str, Box]] = []
            for row, box, visible in zip(rendering.rows, rendering.boxes_xyxy, rendering.visible, strict=True):
                pair = scene.things[int(row)].pair
                if pair is not None and visible >= MIN_VISIBLE:
                    x1, y1, x2, y2 = (float(side) for side in box)
                    objects.append((pair[1], (x1, y1, x2, y2)))
            yield Truth(name, tuple(objects))


def with_new_kinds(scene: Scene) -> Scene:
    """The scene with a new kind in the place of each object that tabletop knows."""
    rng = np.random.default_rng([scene.seed, 7])
    return replace(scene, things=tuple(thing if thing.pair is None else renewed(thing, rng) for thing in scene.things))


def renewed(thing: Thing, rng: np.random.Generator) -> Thing:
    """Another kind in the same place and colour."""
    assert thing.pair is not None
    kind = KINDS[int(rng.random() * len(KINDS))]
    body = make_kind(kind, paint(thing.pair[0], rng), thing.body.radius_m, float(rng.uniform(0.9, 1.2)))
    spot = float(thing.centre[0]), float(thing.centre[1])
    return put_down(body, spot, float(rng.uniform(0, 2 * math.pi)), body.tilts_rad[0], 0.0, (thing.pair[0], kind))


def make_kind(kind: str, rgb: Rgb, radius_m: float, stretch: float) -> Body:
    """An object of a new kind, composed of tabletop's meshes: balls, cubes, cans and sticks."""
    r = min(radius_m, 0.045)

    def part(mesh: str, scale: tuple[float, float, float], z: float) -> Surface:
        return Surface(mesh, np.diag(np.array(scale)), np.array([0.0, 0.0, z]), rgb, 0.3)

    def ball(size: float, z: float) -> Surface:
        return part("ball", (size, size, size), z)

    match kind:
        case "snowman":
            parts = (ball(r * 0.8, r * 0.8), ball(r * 0.6, r * 1.9 * stretch), ball(r * 0.4, r * 2.7 * stretch))
            return Body(parts, r, (0.0,))
        case "tower":
            sizes = ((0.75, 0.0), (0.52, 0.9 * stretch), (0.32, 1.7 * stretch))
            return Body(tuple(part("cube", (r * s, r * s, r * 0.9 * stretch), r * z) for s, z in sizes), r, (0.0,))
        case "mushroom":
            stem = part("stick", (r * 0.3, r * 0.3, r * 1.5 * stretch), 0.0)
            return Body((stem, part("ball", (r, r, r * 0.5), r * 1.5 * stretch)), r, (0.0,))
        case _:
            bar = part("stick", (r * 0.2, r * 0.2, r * 2.2 * stretch), 0.0)
            return Body((bar, ball(r * 0.55, 0.0), ball(r * 0.55, r * 2.2 * stretch)), r * 1.6, (math.pi / 2,))


if __name__ == "__main__":
    main()
