"""Masks of a picture's detections, in the size of the original picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...model.detections import Detections
from ...model.masks.mask import Mask
from .image_inputs import InputImage
from .progress import busy

FindMasks: TypeAlias = Callable[[InputImage, Detections], Sequence[Mask | None]]
"""One mask a detection, whose boxes are px of the input image; None where there is none."""


def mask_finder(name: str, device: str, *, offline: bool) -> FindMasks:
    """Load a masker. Takes seconds.

    Args:
        name: 'tabletop', a folder, or a model of the hub.

    Raises:
        MaskerError: there is no such masker.
    """
    from ...model.masks.load import load_masker
    from ...model.masks.mask import resized

    with busy(f"loading {name} for masks"):
        masker = load_masker(name, device, offline=offline)

    def find(one: InputImage, found: Detections) -> list[Mask | None]:
        masks = masker.masks(one.image, found.boxes_xyxy)
        return [mask and resized(mask, (one.height, one.width)) for mask in masks]

    return find
