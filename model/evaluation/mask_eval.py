"""Mask evaluation: how well masks cover the objects of held-out tabletop scenes, within the detector's own boxes."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..masks.mask import Mask, pixels_of
from ..tabletop.dataset import FIRST_SEED, is_counted, object_rows, options_of
from ..tabletop.scenes import draw_scene
from ..tabletop.words import COLOURS, KINDS, phrase
from .box_overlap import ious
from .tabletop_eval import PictureDetector, ask

MIN_VISIBLE = 0.5
_MIN_BOX_IOU = 0.5
_DAVIS_SHARE = 0.008  # of the picture's diagonal: https://arxiv.org/abs/1704.00675
_NARROW_PX = 2.0
_CHUNK = 20


class PictureMasker(Protocol):
    """The masker under evaluation."""

    def masks(self, image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32]) -> Sequence[Mask | None]: ...


@dataclass(frozen=True, slots=True)
class MaskScene:
    """A rendered scene with its exact masks. n objects.

    Args:
        picture: (480, 640, 3) RGB, after a JPEG of quality 95.
        objects: rows of `tabletop.dataset.OBJECT_DTYPE`.
        labels: (480, 640) the object at each pixel: `labels == row` is the mask of `objects[row]`; -1 elsewhere.
    """

    picture: NDArray[np.uint8]
    objects: NDArray[np.void]
    labels: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class MaskResult:
    """The figures of one evaluation.

    Args:
        scenes: number of scenes; objects: those at least half visible and 12 px each way at the network's input.
        matched: objects with a detection of their phrase, of an IoU of 0.5 or more; without_mask: those of them that
            got no mask, which count as IoU 0.
        iou, boundary_f, boundary_f_2px: means over matched objects: the mask's IoU, its boundary F measure within
            0.8 % of the picture's diagonal as DAVIS defines it, and within 2 px.
        box_iou: the mean IoU of the matched detections' boxes.
        intervals: 95 % interval of each mean, over scenes drawn with replacement.
        mask_ms: time for the masks of one picture, the median.
    """

    scenes: int
    objects: int
    matched: int
    without_mask: int
    iou: float
    boundary_f: float
    boundary_f_2px: float
    box_iou: float
    intervals: dict[str, tuple[float, float]]
    mask_ms: float

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def mask_scenes(first: int, count: int, processes: int = 1) -> Iterator[MaskScene]:
    """Some held-out scenes, from number `first`, rendered in worker processes, in the order of their seeds."""
    context = multiprocessing.get_context("spawn")
    firsts = range(first, first + count, _CHUNK)
    with ProcessPoolExecutor(processes, context) as pool:
        try:
            for scenes in pool.map(_render, firsts, [min(_CHUNK, first + count - one) for one in firsts]):
                yield from scenes
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def evaluate_masks(
    detector: PictureDetector,
    masker: PictureMasker,
    scenes: Iterator[MaskScene],
    on_progress: Callable[[int], None] = lambda done: None,
) -> MaskResult:
    """Detect the phrases of each scene, mask the boxes, and compare masks of matched objects with the exact ones."""
    rows: list[tuple[float, float, float, float, float]] = []  # scene, IoU, F, F within 2 px, IoU of the box
    times_ms: list[float] = []
    objects = without = done = 0
    for number, scene in enumerate(scenes):
        prompt = ask(scene.objects, FIRST_SEED["eval"] + number)
        (found,) = detector.detect([scene.picture], [prompt])
        found = found.best(int(np.count_nonzero(found.scores >= 0.3)))
        began_s = time.perf_counter()
        masks = masker.masks(scene.picture, found.boxes_xyxy)
        times_ms.append((time.perf_counter() - began_s) * 1e3)
        names = [found.name(row) for row in range(len(found))]
        boxes = scene.objects["box_xyxy"].reshape(-1, 4).astype(np.float64) * 2
        counted = is_counted(scene.objects["box_xyxy"].reshape(-1, 4), scene.objects["visible"])
        counted &= scene.objects["visible"] >= MIN_VISIBLE
        objects += int(counted.sum())
        for row, answer in _matches(scene.objects, boxes, found.boxes_xyxy.astype(np.float64), names):
            if not counted[row]:
                continue
            mask, truth = masks[answer], scene.labels == row
            box_iou = float(ious(boxes[row : row + 1], found.boxes_xyxy[answer : answer + 1].astype(np.float64))[0, 0])
            if mask is None:
                without += 1
                rows.append((number, 0.0, 0.0, 0.0, box_iou))
                continue
            pixels = pixels_of(mask)
            iou = float((pixels & truth).sum() / (pixels | truth).sum())
            wide_px = _DAVIS_SHARE * float(np.hypot(*truth.shape))
            rows.append(
                (number, iou, boundary_f(pixels, truth, wide_px), boundary_f(pixels, truth, _NARROW_PX), box_iou)
            )
        done += 1
        on_progress(done)
    return _result(np.array(rows).reshape(-1, 5), done, objects, without, float(np.median(times_ms)))


def boundary_f(mask: NDArray[np.bool_], truth: NDArray[np.bool_], tolerance_px: float) -> float:
    """The F measure of the boundary's precision and recall: its pixels that lie near the other mask's boundary."""
    one, other = _boundary(mask), _boundary(truth)
    precision = float((_distance(other)[one] <= tolerance_px).mean()) if one.any() else 0.0
    recall = float((_distance(one)[other] <= tolerance_px).mean()) if one.any() and other.any() else 0.0
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask's pixels beside others that are not of it; the picture's edge is no boundary."""
    padded = np.pad(mask.astype(np.uint8), 1, mode="edge")
    return mask & (cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)


def _distance(boundary: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance of each pixel to the nearest of the boundary, px."""
    return np.asarray(cv2.distanceTransform((~boundary).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _matches(
    objects: NDArray[np.void], boxes: NDArray[np.float64], found: NDArray[np.float64], names: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """(object, detection): in order of score, each detection takes the free object of its phrase with the best IoU."""
    free = set(range(len(objects)))
    overlap = ious(boxes, found)
    wanted = [phrase(COLOURS[int(one["colour"])], KINDS[int(one["kind"])]) for one in objects]
    for answer, name in enumerate(names):
        fitting = [row for row in free if wanted[row] == name and overlap[row, answer] >= _MIN_BOX_IOU]
        if fitting:
            best = max(fitting, key=lambda row: float(overlap[row, answer]))
            free.remove(best)
            yield best, answer


def _result(
    rows: NDArray[np.float64], scenes: int, objects: int, without: int, mask_ms: float, resamples: int = 200
) -> MaskResult:
    rng = np.random.default_rng(0)
    names = ("iou", "boundary_f", "boundary_f_2px", "box_iou")
    sums, counts = np.zeros((scenes, 4)), np.zeros(scenes)
    np.add.at(sums, rows[:, 0].astype(int), rows[:, 1:])
    np.add.at(counts, rows[:, 0].astype(int), 1)
    drawn = rng.integers(0, scenes, (resamples, scenes))
    means = sums[drawn].sum(1) / np.maximum(counts[drawn].sum(1), 1)[:, None]
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    intervals = {name: (round(float(a), 4), round(float(b), 4)) for name, a, b in zip(names, low, high, strict=True)}
    iou, wide, narrow, box = (float(value) for value in rows[:, 1:].mean(0)) if len(rows) else (0.0,) * 4
    return MaskResult(scenes, objects, len(rows), without, iou, wide, narrow, box, intervals, mask_ms)


def _render(first: int, count: int) -> list[MaskScene]:
    """Runs in a worker, since it renders."""
    from ..tabletop.renderer import draw

    scenes: list[MaskScene] = []
    for number in range(first, first + count):
        scene = draw_scene(FIRST_SEED["eval"] + number, options_of("eval"))
        rendering = draw(scene)
        _, coded = cv2.imencode(
            ".jpg", cv2.cvtColor(rendering.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95]
        )
        picture = cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        labels = np.full(rendering.labels.shape, -1, np.int16)
        for row, thing in enumerate(rendering.rows):
            labels[rendering.labels == thing] = row
        scenes.append(MaskScene(np.asarray(picture, np.uint8), object_rows(number, scene, rendering), labels))
    return scenes
