"""Mask crops: every object of rendered scenes cut out with its exact mask, for training the embedded masker."""

# numpy leaves the types of open_memmap open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..masks.box_crop import crop_matrix, warp
from .dataset import FIRST_SEED, Split, options_of
from .scenes import draw_scene

CROP_PX = 128
CROP_SCALE = 1.6  # a crop is this much wider and higher than the box around the object's visible pixels
_MIN_SIDE_PX, _MIN_AREA_PX = 10, 60
_CHUNK = 25
_VERSION = 1


@dataclass(frozen=True, slots=True)
class MaskCrops:
    """Crops on disk, mapped into memory. n objects.

    Args:
        pictures: (n, 128, 128, 3) uint8 RGB. Beyond the picture's edge the edge is repeated.
        masks: (n, 128, 128) uint8, 0..255: how much of each pixel is the object.
    """

    pictures: NDArray[np.uint8]
    masks: NDArray[np.uint8]


def build_crops(
    folder: Path, scenes: int, processes: int = 1, on_progress: Callable[[int, int], None] | None = None
) -> MaskCrops:
    """Render the crops of the first training scenes, unless the folder holds them already.

    Args:
        folder: receives the crops, about 64 KiB for each object.
        scenes: how many scenes to render, with about seven objects each.
        processes: renderers at work.
        on_progress: called with (scenes done, scenes in all).
    """
    described = folder / "crops.json"
    wanted = {"version": _VERSION, "scenes": scenes}
    if not described.is_file() or json.loads(described.read_text()) != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        described.unlink(missing_ok=True)
        _render(folder, scenes, processes, on_progress)
        described.write_text(json.dumps(wanted))  # last: a folder without it is unfinished
    return MaskCrops(np.load(folder / "pictures.npy", mmap_mode="r"), np.load(folder / "masks.npy", mmap_mode="r"))


def _render(folder: Path, scenes: int, processes: int, on_progress: Callable[[int, int], None] | None) -> None:
    context = multiprocessing.get_context("spawn")  # a forked OpenGL context would be shared
    pictures: list[NDArray[np.uint8]] = []
    masks: list[NDArray[np.uint8]] = []
    with ProcessPoolExecutor(processes, context) as pool:
        firsts = range(0, scenes, _CHUNK)
        try:
            for first, (own_pictures, own_masks) in zip(
                firsts, pool.map(crops_of, firsts, [min(one + _CHUNK, scenes) for one in firsts]), strict=True
            ):
                pictures.append(own_pictures)
                masks.append(own_masks)
                if on_progress is not None:
                    on_progress(min(first + _CHUNK, scenes), scenes)
        except BaseException:  # also an interrupt: the pool would first finish all submitted jobs
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    np.save(folder / "pictures.npy", np.concatenate(pictures))
    np.save(folder / "masks.npy", np.concatenate(masks))


def crops_of(first: int, end: int, split: Split = "train") -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The crops of some scenes, and their masks. Runs in a worker, since it renders."""
    from .renderer import draw

    pictures: list[NDArray[np.uint8]] = []
    masks: list[NDArray[np.uint8]] = []
    for seed in range(FIRST_SEED[split] + first, FIRST_SEED[split] + end):
        scene = draw_scene(seed, options_of(split))
        rendering = draw(scene)
        for thing in range(len(scene.things)):  # those without a name, too
            mask = (rendering.labels == thing).astype(np.uint8) * 255
            x, y, width, height = cv2.boundingRect(mask)
            if min(width, height) < _MIN_SIDE_PX or np.count_nonzero(mask) < _MIN_AREA_PX:
                continue
            crop_from_picture = crop_matrix((x, y, x + width, y + height), CROP_SCALE, CROP_PX)
            pictures.append(warp(rendering.image, crop_from_picture, CROP_PX))
            masks.append(warp(mask, crop_from_picture, CROP_PX, border=cv2.BORDER_CONSTANT))
    return np.stack(pictures), np.stack(masks)
