"""Augmentation of labelled pictures: zoom, mosaic, pasted objects, mirror, with labels that stay true.

Coordinates: `boxes_xyxy` are px of the view's own image.
Sources: mosaic, YOLOv4 (https://arxiv.org/abs/2004.10934); copy-paste, here of boxes (https://arxiv.org/abs/2012.07177).
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.labelled import LabelledPicture
from .augment import box_areas

Image = NDArray[np.uint8]

_MIN_KEPT = 0.35  # an object with less left after a crop is no example of its class
_MAX_LOST = 0.95  # an object that lost more counts as absent
_PASTE_TRIES = 4
_PASTE_SCALES = (0.6, 1.5)
_PASTE_MARGIN = 0.06  # of the object's sides, pasted along with it
_MIN_PASTE_PX = 16.0


@dataclass(frozen=True, slots=True)
class View:
    """A training image with its objects and labels; classes are rows of `LabelledData.wordings`.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes_xyxy: (n, 4) float32.
        answers: the classes of each object.
        absent: classes known to have no object in the image.
        loose: classes that have objects with a box and may have others without one.
        never_asked: classes with objects that have no box of their own.
    """

    image: Image
    boxes_xyxy: NDArray[np.float32]
    answers: tuple[tuple[int, ...], ...]
    absent: frozenset[int]
    loose: frozenset[int]
    never_asked: frozenset[int]

    @property
    def here(self) -> frozenset[int]:
        """Classes with an object that has a box."""
        return frozenset(one for own in self.answers for one in own)


def view_of(picture: LabelledPicture, image: Image, classes: int) -> View:
    """The view of a picture as annotated; `classes` is the number of classes."""
    here = {one for own in picture.answers for one in own}
    absent = range(classes) if picture.absent is None else picture.absent
    return View(
        image,
        picture.boxes_xyxy,
        picture.answers,
        frozenset(absent) - here - picture.never_asked,
        picture.loose,
        picture.never_asked,
    )


def zoom(view: View, max_zoom: float, rng: np.random.Generator) -> View:
    """A random window of the image, with sides of 1 / `max_zoom` to 1 of the image's."""
    height, width = view.image.shape[:2]
    high, wide = (max(32, round(side / rng.uniform(1.0, max_zoom))) for side in (height, width))
    high, wide = min(high, height), min(wide, width)
    top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    moved = view.boxes_xyxy - np.array([left, top, left, top], np.float32)
    inside = moved.clip(0, np.array([wide, high, wide, high], np.float32))
    kept = box_areas(inside) / np.maximum(box_areas(moved), 1e-6)
    rows: list[int] = np.flatnonzero(kept >= _MIN_KEPT).tolist()
    partly: list[int] = np.flatnonzero((kept < _MIN_KEPT) & (kept > 1 - _MAX_LOST)).tolist()
    cut = frozenset(one for row in partly for one in view.answers[row])
    lost = view.here - cut - frozenset(one for row in rows for one in view.answers[row])
    return replace(
        view,
        image=np.ascontiguousarray(view.image[top : top + high, left : left + wide]),
        boxes_xyxy=inside[rows],
        answers=tuple(view.answers[row] for row in rows),
        absent=view.absent | (lost - view.loose),
        never_asked=view.never_asked | cut,
    )


def mirror(view: View) -> View:
    """The view mirrored left to right."""
    width, boxes = view.image.shape[1], view.boxes_xyxy
    turned = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    return replace(view, image=np.ascontiguousarray(view.image[:, ::-1]), boxes_xyxy=turned)


def mosaic(views: Sequence[View], size_hw: tuple[int, int]) -> View:
    """Four views in the quarters of one image. A class is known in it if it is known in all four."""
    height, width = size_hw[0] // 2 * 2, size_hw[1] // 2 * 2
    canvas = np.zeros((height, width, 3), np.uint8)
    boxes: list[NDArray[np.float32]] = []
    for place, view in enumerate(views):
        own_h, own_w = view.image.shape[:2]
        scale = min(height / 2 / own_h, width / 2 / own_w)
        high, wide = max(1, round(own_h * scale)), max(1, round(own_w * scale))
        top, left = place // 2 * height // 2, place % 2 * width // 2
        canvas[top : top + high, left : left + wide] = cv2.resize(
            view.image, (wide, high), interpolation=cv2.INTER_AREA
        )
        ratio = np.array([wide / own_w, high / own_h] * 2, np.float32)
        boxes.append(view.boxes_xyxy * ratio + np.array([left, top, left, top], np.float32))
    here = frozenset[int]().union(*(view.here for view in views))
    complete = [view.absent | (view.here - view.loose) for view in views]
    return View(
        canvas,
        np.concatenate(boxes).astype(np.float32),
        tuple(own for view in views for own in view.answers),
        _common([view.absent for view in views]),
        here - _common(complete),
        frozenset[int]().union(*(view.never_asked for view in views)),
    )


def paste(view: View, donor: View, rng: np.random.Generator) -> View:
    """The view with one object of another view pasted, with a margin, where it covers no object."""
    if not len(donor.boxes_xyxy):
        return view
    row = int(rng.integers(len(donor.boxes_xyxy)))
    left, top, right, bottom = donor.boxes_xyxy[row]
    margin = _PASTE_MARGIN * np.array([right - left, bottom - top])
    own_h, own_w = donor.image.shape[:2]
    x0, y0 = max(0, int(left - margin[0])), max(0, int(top - margin[1]))
    x1, y1 = min(own_w, int(right + margin[0]) + 1), min(own_h, int(bottom + margin[1]) + 1)
    height, width = view.image.shape[:2]
    scale = float(rng.uniform(*_PASTE_SCALES)) * min(1.0, 0.5 * width / (x1 - x0), 0.5 * height / (y1 - y0))
    wide, high = round((x1 - x0) * scale), round((y1 - y0) * scale)
    if min(wide, high) < _MIN_PASTE_PX or wide >= width or high >= height:
        return view
    for _ in range(_PASTE_TRIES):
        at_x, at_y = int(rng.integers(width - wide)), int(rng.integers(height - high))
        patch = np.array([at_x, at_y, at_x + wide, at_y + high], np.float32)
        if not _touches(patch, view.boxes_xyxy):
            break
    else:
        return view
    image = view.image.copy()
    shown = cv2.resize(donor.image[y0:y1, x0:x1], (wide, high), interpolation=cv2.INTER_AREA)
    image[at_y : at_y + high, at_x : at_x + wide] = shown
    box = (donor.boxes_xyxy[row] - np.array([x0, y0] * 2)) * scale + np.array([at_x, at_y] * 2)
    pasted = frozenset(donor.answers[row])
    return replace(
        view,
        image=image,
        boxes_xyxy=np.concatenate([view.boxes_xyxy, box[None].astype(np.float32)]),
        answers=(*view.answers, donor.answers[row]),
        absent=view.absent - pasted,
        loose=view.loose | (pasted - view.absent - view.here),
    )


def _common(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    first, *others = sets
    return first.intersection(*others)


def _touches(patch: NDArray[np.float32], boxes_xyxy: NDArray[np.float32]) -> bool:
    low = np.maximum(boxes_xyxy[:, :2], patch[:2])
    high = np.minimum(boxes_xyxy[:, 2:], patch[2:])
    return bool(((high - low) > 0).all(1).any())
