"""Region of interest: the picture is cropped before the detector, and boxes are moved back after it."""

from __future__ import annotations

import numpy as np

from ...model.detections import Detections
from ...model.image import DecodedImage, Image
from ..frame import Frame

Area = tuple[int, int, int, int]
"""Left, top, right, bottom in px of the original picture."""


def clip_area(area: Area, width: int, height: int) -> Area | None:
    """The part of an area that lies in a picture of that size; None if no part does."""
    left, top, right, bottom = area
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return inside if inside[0] < inside[2] and inside[1] < inside[3] else None


def crop(image: Image, area: Area | None) -> Image:
    """The pixels of an area inside the picture; None is all of it."""
    if area is None:
        return image
    if isinstance(image, DecodedImage):
        return image.part(*area)
    left, top, right, bottom = area
    return np.ascontiguousarray(image[top:bottom, left:right])


def uncrop(found: Detections, area: Area | None) -> Detections:
    """Detections of the cropped picture, in px of the original picture and clipped to the area."""
    if area is None:
        return found
    left, top, right, bottom = area
    boxes = found.boxes_xyxy + np.array((left, top, left, top), np.float32)
    inside = np.clip(boxes, (left, top, left, top), (right, bottom, right, bottom)).astype(np.float32)
    return Detections(found.names, inside, found.scores, found.name_indices)


def warn_of_area(roi: Area, inside: Area | None, frame: Frame) -> str | None:
    """What is wrong with an area to detect in, beside the part of it that lies in the picture; None for nothing."""
    size = f"{frame.width}x{frame.height}"
    if inside is None:
        return f"roi_xyxy {list(roi)} lies outside the picture of {size}, so nothing is detected: set it anew"
    return (
        None
        if inside == roi
        else f"roi_xyxy {list(roi)} reaches out of the picture of {size}: only the part inside is used"
    )
