"""The demo clip's ground truth: the box and the visible fraction of every object in every frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

CLIP_PATH = Path(__file__).with_name("clip.mp4")
TRUTH_PATH = Path(__file__).with_name("clip.json")

BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TruthObject:
    """One object in one frame.

    Args:
        id: the same in all frames.
        phrase: its phrase in the prompt.
        box_xyxy: px of the clip, around the visible part.
        visible: its visible fraction, 0..1.
        counted: it is visible enough for evaluation (30 %, and 12 px wide and high at the network's input).
    """

    id: int
    phrase: str
    box_xyxy: BoxXyxy
    visible: float
    counted: bool


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """A clip's size, the prompt with its objects' phrases, and each frame's objects."""

    width: int
    height: int
    fps: int
    seed: int
    prompt: str
    frames: tuple[tuple[TruthObject, ...], ...]


def read_truth(path: Path = TRUTH_PATH) -> ClipTruth:
    """Read the truth of a clip."""
    content = json.loads(path.read_text())
    frames = tuple(
        tuple(
            TruthObject(
                one["id"], one["phrase"], tuple(one["box_xyxy"]), one["visible"], bool(one.get("counted", False))
            )
            for one in frame["objects"]
        )
        for frame in content["frames"]
    )
    return ClipTruth(content["width"], content["height"], content["fps"], content["seed"], content["prompt"], frames)


def write_truth(path: Path, truth: ClipTruth) -> None:
    """Write the truth as one line of JSON per frame."""
    head = {"width": truth.width, "height": truth.height, "fps": truth.fps, "seed": truth.seed, "prompt": truth.prompt}
    lines = [json.dumps({"objects": [_entry(one) for one in frame]}, separators=(",", ":")) for frame in truth.frames]
    path.write_text(json.dumps(head)[:-1] + ', "frames": [\n' + ",\n".join(lines) + "\n]}\n")


def crossings(truth: ClipTruth, around: int = 8) -> list[tuple[int, int, int]]:
    """Where one object passes in front of another: (id in front, id behind, frame of the largest occlusion).

    A crossing is a run of frames in which less than 85 % of the object behind is visible while their boxes overlap; the
    object in front changes its side; and both count `around` frames before and after it.
    """
    by_id = [{one.id: one for one in frame} for frame in truth.frames]
    ids = sorted({one.id for frame in truth.frames for one in frame})
    found = [
        (front, behind, min(stretch, key=lambda at: by_id[at][behind].visible))
        for front, behind in permutations(ids, 2)
        for stretch in _stretches([at for at, objects in enumerate(by_id) if _hides(objects, front, behind)], around)
        if _sides_differ(by_id, front, behind, stretch[0] - around, stretch[-1] + around)
    ]
    return sorted(found, key=lambda one: one[2])


def _stretches(frames: list[int], around: int) -> list[list[int]]:
    """Runs of frames; gaps shorter than `around` do not split a run."""
    stretches: list[list[int]] = []
    for at in frames:
        if stretches and at - stretches[-1][-1] <= around:
            stretches[-1].append(at)
        else:
            stretches.append([at])
    return stretches


def _entry(one: TruthObject) -> dict[str, object]:
    entry: dict[str, object] = {
        "id": one.id,
        "phrase": one.phrase,
        "box_xyxy": list(one.box_xyxy),
        "visible": one.visible,
    }
    return {**entry, "counted": True} if one.counted else entry


def _hides(objects: dict[int, TruthObject], front: int, behind: int) -> bool:
    """Whether `front` may occlude `behind`: the object whose box ends lower is nearer."""
    if front not in objects or behind not in objects:
        return False
    a, b = objects[front].box_xyxy, objects[behind].box_xyxy
    overlap = min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])
    return overlap and a[3] > b[3] and objects[behind].visible < 0.85


def _sides_differ(by_id: list[dict[int, TruthObject]], front: int, behind: int, first: int, last: int) -> bool:
    if first < 0 or last >= len(by_id):
        return False
    sides: list[bool] = []
    for objects in (by_id[first], by_id[last]):
        if not all(row in objects and objects[row].counted for row in (front, behind)):
            return False
        (a0, _, a1, _), (b0, _, b1, _) = objects[front].box_xyxy, objects[behind].box_xyxy
        sides.append(a0 + a1 < b0 + b1)
    return sides[0] != sides[1]
