"""Shapes: the outlines of an object's `segmentation`, and how they follow a box that a person moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import cv2
import numpy as np

from ...model.datasets.coco_records import Record
from ...model.datasets.coco_set import read_mask
from ...model.masks.mask import Mask, pixels_of, polygons_of, window_mask

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom; px."""


def outlines_of(annotation: Mapping[str, Any], size_hw: tuple[int, int]) -> list[list[float]]:
    """The lines to draw, holes among them: each x, y, x, y, ... in px."""
    shape = annotation.get("segmentation")
    if isinstance(shape, list):
        return [list(map(float, line)) for line in cast("list[list[float]]", shape)]
    if not isinstance(shape, dict):
        return []
    found = polygons_of(_mask(annotation, size_hw))
    rings = [ring for one in found for ring in (one.outline, *one.holes)]
    return [[float(value) for corner in ring for value in corner] for ring in rings]


def moved_shape(annotation: Mapping[str, Any], box: Box, size_hw: tuple[int, int]) -> dict[str, Any]:
    """The fields `segmentation` and `area` of an object whose box becomes another; the shape is shifted and scaled.

    A shape of which no pixel stays within the picture is left out.
    """
    x, y, width, height = (float(value) for value in annotation["bbox"])
    left, top, right, bottom = box
    area = (right - left) * (bottom - top)
    shape = annotation.get("segmentation")
    scale = (right - left) / max(width, 1e-9), (bottom - top) / max(height, 1e-9)
    if isinstance(shape, list) and shape:
        lines = [_mapped(line, (x, y), (left, top), scale) for line in cast("list[list[float]]", shape)]
        stated = float(annotation.get("area", width * height))
        return {"segmentation": lines, "area": stated * scale[0] * scale[1]}
    if not isinstance(shape, dict):
        return {"area": area}
    mask = _moved_mask(_mask(annotation, size_hw), (x, y), (left, top), scale)
    if mask is None:
        return {"segmentation": [], "area": area}
    counts = mask.counts.decode("ascii")
    return {"segmentation": {"size": list(size_hw), "counts": counts}, "area": mask.area_px}


def _mask(annotation: Mapping[str, Any], size_hw: tuple[int, int]) -> Mask:
    return read_mask(Record("an annotation", annotation), annotation["segmentation"], size_hw)


def _mapped(
    line: Sequence[float], origin: tuple[float, float], target: tuple[float, float], scale: tuple[float, float]
) -> list[float]:
    return [
        target[place % 2] + (float(value) - origin[place % 2]) * scale[place % 2] for place, value in enumerate(line)
    ]


def _moved_mask(
    mask: Mask, origin: tuple[float, float], target: tuple[float, float], scale: tuple[float, float]
) -> Mask | None:
    height, width = mask.size_hw
    matrix = np.array(
        [[scale[0], 0.0, target[0] - origin[0] * scale[0]], [0.0, scale[1], target[1] - origin[1] * scale[1]]]
    )
    matrix[:, 2] += (np.array(scale) - 1.0) / 2.0  # OpenCV counts from the centres of pixels, boxes from their corners
    pixels = cv2.warpAffine(pixels_of(mask).astype(np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST)
    return window_mask(np.asarray(pixels, np.bool_), (0, 0), mask.size_hw, mask.quality)
