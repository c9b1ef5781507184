"""The crops of a pretraining in memory: each picture is read once, and its objects are kept as small squares.

Letters: N crop.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_data import read_picture
from ..datasets.read_ahead import made_ahead
from ..training.augment import window
from .crop_plan import CropPlan

STORED_PX = 160
CONTEXT = 2.2  # the side of a stored crop relative to its object's longer side
BYTES_PER_CROP = STORED_PX * STORED_PX * 3

Image = NDArray[np.uint8]


def read_crops(plan: CropPlan, threads: int, on_read: Callable[[int, int], None] = lambda done, of: None) -> Image:
    """(N, 160, 160, 3) RGB, in the plan's order.

    Args:
        plan: what is cut out.
        threads: that read pictures.
        on_read: called with how many pictures are read, and how many there are.

    Raises:
        CocoError: a picture cannot be read.
    """
    crops = np.empty((len(plan.labels), STORED_PX, STORED_PX, 3), np.uint8)

    def cut(number: int) -> list[Image]:
        picture, boxes_xyxy = plan.cuts[number]
        image = read_picture(picture)
        return [cut_out(image, box) for box in boxes_xyxy]

    done = 0
    for number, own in enumerate(made_ahead(cut, range(len(plan.cuts)), threads), 1):
        crops[done : done + len(own)] = own
        done += len(own)
        on_read(number, len(plan.cuts))
    return crops


def cut_out(image: Image, box_xyxy: NDArray[np.float32]) -> Image:
    """The square around an object, with `CONTEXT`; beyond the image the edge is repeated."""
    left, top, right, bottom = (float(x) for x in box_xyxy)
    side = max(right - left, bottom - top) * CONTEXT
    corner_x, corner_y = (left + right - side) / 2, (top + bottom - side) / 2
    scale, size_hw = STORED_PX / side, (STORED_PX, STORED_PX)
    if scale >= 1:
        return window(image, (corner_x, corner_y), scale, size_hw)
    x, y = max(0, int(corner_x)), max(0, int(corner_y))
    part = image[y : int(corner_y + side) + 1, x : int(corner_x + side) + 1]
    small_wh = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, small_wh, interpolation=cv2.INTER_AREA)  # a window alone would skip pixels
    return window(np.asarray(small, np.uint8), ((corner_x - x) * scale, (corner_y - y) * scale), 1.0, size_hw)
