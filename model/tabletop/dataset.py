"""Scene data set: renders scenes into shards on disk, for training and evaluation."""

# numpy leaves the types of open_memmap open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import logging
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .scene import WIDTH_PX, Scene
from .scenes import SceneOptions, draw_scene
from .words import COLOURS, HELD_OUT, KINDS, PAIRS, TRAINING_PAIRS

if TYPE_CHECKING:  # MuJoCo is needed to render scenes, not to read them
    from .renderer import Rendering

Split = Literal["train", "eval"]

FIRST_SEED: dict[Split, int] = {"train": 0, "eval": 10_000_000}
INPUT_WIDTH_PX, INPUT_HEIGHT_PX = 320, 240
SHARD_SCENES = 2_000
MIN_VISIBLE = 0.3
MIN_PX = 12.0
_VERSION = 1  # increased when the same seed gives another scene
_CHUNK = 50
_log = logging.getLogger(__name__)

# One row per object that is visible at all; boxes are px of a 320x240 picture.
OBJECT_DTYPE = np.dtype(
    [
        ("scene", np.int32),
        ("kind", np.int16),
        ("colour", np.int16),
        ("visible", np.float32),
        ("box_xyxy", np.float32, 4),
        ("camera_xyz_m", np.float32, 3),
        ("table_xyz_m", np.float32, 3),
    ]
)


class ScenesError(ValueError):
    """A folder of scenes cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SceneShard:
    """A range of scenes on disk.

    Args:
        folder: their folder.
        first_seed: the seed of scene 0 of this shard; the other seeds follow it.
        count: number of scenes.
    """

    folder: Path
    first_seed: int
    count: int

    def images(self) -> NDArray[np.uint8]:
        """(count, 240, 320, 3) RGB, mapped from disk; training shards only."""
        return np.load(self.folder / "images.npy", mmap_mode="r")[: self.count]

    def objects(self) -> NDArray[np.void]:
        """Rows of `OBJECT_DTYPE`, in the order of the scenes."""
        rows: NDArray[np.void] = np.load(self.folder / "objects.npy")
        return rows[rows["scene"] < self.count]

    def picture(self, scene: int) -> NDArray[np.uint8]:
        """(480, 640, 3) RGB; evaluation shards only."""
        data = cv2.imread(str(self.folder / f"{scene:05d}.jpg"), cv2.IMREAD_COLOR)
        if data is None:  # pyright: ignore[reportUnnecessaryComparison]
            raise ScenesError(
                f"{self.folder / f'{scene:05d}.jpg'} cannot be read: delete the folder to have it rendered anew"
            )
        return np.asarray(cv2.cvtColor(data, cv2.COLOR_BGR2RGB), np.uint8)


def options_of(split: Split) -> SceneOptions:
    """The scene options of a split; training never contains a held-out pair."""
    if split == "train":
        return SceneOptions(TRAINING_PAIRS, min_objects=1, max_objects=12)
    return SceneOptions(PAIRS, tuple(sorted(HELD_OUT)), rare_share=0.15, min_objects=4, max_objects=10)


def build(
    folder: Path, count: int, split: Split, first_seed: int | None = None, processes: int = 2
) -> list[SceneShard]:
    """Render the missing ones of `count` scenes; finished shards with the same seeds are kept.

    Raises:
        ScenesError: the folder holds scenes of other seeds or of another version.
    """
    first = FIRST_SEED[split] if first_seed is None else first_seed
    shards = [
        SceneShard(folder / f"shard-{i:04d}", first + i * SHARD_SCENES, min(SHARD_SCENES, count - i * SHARD_SCENES))
        for i in range((count + SHARD_SCENES - 1) // SHARD_SCENES)
    ]
    missing = [shard for shard in shards if not _is_finished(shard, split)]
    if missing:
        _render(missing, split, processes)
    return shards


def is_counted(boxes_xyxy: NDArray[np.float32], visible: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) whether each object is visible enough for evaluation: 30 %, and 12 px wide and high at 320x240."""
    sizes = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    return (visible >= MIN_VISIBLE) & (sizes >= MIN_PX).all(1)


def open_shards(folder: Path) -> list[SceneShard]:
    """The finished shards of a folder, in order.

    Raises:
        ScenesError: there are none.
    """
    shards: list[SceneShard] = []
    for path in sorted(folder.glob("shard-*/manifest.json")):
        manifest = json.loads(path.read_text())
        shards.append(SceneShard(path.parent, manifest["first_seed"], manifest["count"]))
    if not shards:
        raise ScenesError(f"{folder} holds no finished scenes: render them first")
    return shards


def _render(shards: Sequence[SceneShard], split: Split, processes: int) -> None:
    total = sum(shard.count for shard in shards)
    _log.info("rendering %d %s scenes into %s", total, split, shards[0].folder.parent)
    context = multiprocessing.get_context("spawn")  # a forked OpenGL context would be shared
    with ProcessPoolExecutor(processes, context) as pool, _progress() as progress:
        bar = progress.add_task(f"rendering {split} scenes", total=total)
        try:
            for shard in shards:
                for done in _render_shard(shard, split, pool):
                    progress.advance(bar, done)
        except BaseException:  # also an interrupt: the pool would first finish all submitted jobs
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _manifest(shard: SceneShard, split: Split) -> dict[str, int | str]:
    return {"version": _VERSION, "split": split, "first_seed": shard.first_seed, "count": shard.count}


def _is_finished(shard: SceneShard, split: Split) -> bool:
    path = shard.folder / "manifest.json"
    if not path.exists():
        return False
    found, wanted = json.loads(path.read_text()), _manifest(shard, split)
    if {**found, "count": 0} != {**wanted, "count": 0}:
        raise ScenesError(f"{shard.folder} holds scenes of {found}, not of {wanted}: name another folder")
    return found["count"] >= shard.count  # a shard with fewer scenes is rendered again


def _render_shard(shard: SceneShard, split: Split, pool: ProcessPoolExecutor) -> Iterator[int]:
    """Yields the number of scenes finished since the previous yield."""
    shard.folder.mkdir(parents=True, exist_ok=True)
    (shard.folder / "manifest.json").unlink(missing_ok=True)
    if split == "train":
        shape = (shard.count, INPUT_HEIGHT_PX, INPUT_WIDTH_PX, 3)
        np.lib.format.open_memmap(shard.folder / "images.npy", "w+", np.uint8, shape).flush()
    jobs = {
        pool.submit(_render_chunk, shard, split, first, min(first + _CHUNK, shard.count)): first
        for first in range(0, shard.count, _CHUNK)
    }
    rows: dict[int, NDArray[np.void]] = {}
    for job in as_completed(jobs):
        rows[jobs[job]] = job.result()
        yield min(_CHUNK, shard.count - jobs[job])
    np.save(shard.folder / "objects.npy", np.concatenate([rows[first] for first in sorted(rows)]))
    unfinished = shard.folder / "manifest.part"
    unfinished.write_text(json.dumps(_manifest(shard, split)))
    unfinished.rename(shard.folder / "manifest.json")  # written last: a shard without it is unfinished


def _render_chunk(shard: SceneShard, split: Split, first: int, end: int) -> NDArray[np.void]:
    """Runs in a worker: writes pictures to disk and returns the objects' rows."""
    from .renderer import draw

    options = options_of(split)
    images = np.load(shard.folder / "images.npy", mmap_mode="r+") if split == "train" else None
    rows: list[NDArray[np.void]] = []
    for row in range(first, end):
        scene = draw_scene(shard.first_seed + row, options)
        rendering = draw(scene)
        if images is not None:
            images[row] = cv2.resize(rendering.image, (INPUT_WIDTH_PX, INPUT_HEIGHT_PX), interpolation=cv2.INTER_AREA)
        else:
            bgr = cv2.cvtColor(rendering.image, cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(shard.folder / f"{row:05d}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
        rows.append(object_rows(row, scene, rendering))
    return np.concatenate(rows)


def object_rows(row: int, scene: Scene, rendering: Rendering) -> NDArray[np.void]:
    """A rendering's objects as rows of `OBJECT_DTYPE`."""
    table = np.zeros(len(rendering.rows), OBJECT_DTYPE)
    for i, thing_row in enumerate(rendering.rows):
        thing = scene.things[int(thing_row)]
        assert thing.pair is not None
        table[i]["colour"], table[i]["kind"] = COLOURS.index(thing.pair[0]), KINDS.index(thing.pair[1])
        table[i]["table_xyz_m"] = thing.centre
        table[i]["camera_xyz_m"] = scene.camera.camera_from_table @ (thing.centre - scene.camera.position)
    table["scene"], table["visible"] = row, rendering.visible
    table["box_xyxy"] = rendering.boxes_xyxy * (INPUT_WIDTH_PX / WIDTH_PX)
    return table
