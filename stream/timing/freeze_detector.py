"""Freeze and black detection: a live source whose pictures do not change, or are black."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...model.image import Image, Rgb, is_on_gpu, rgb_of

_PARTS_ACROSS, _PARTS_DOWN = 64, 36
_SAMPLES = 4  # across and down in each part
_COMPARE_EVERY_S = 0.25
_COMPARE_ON_GPU_EVERY_S = 1.0  # where the picture has to be brought to the host first
_CHANGED_LEVELS = 10
_BLACK_LEVEL = 24
_BLACK_SHARE = 0.98


class FreezeDetector:
    """Compares some two thousand parts of the picture, four times a second, or once where it lies on a GPU.

    "Not changed" means that the mean colour of no part (1/64 of the width, 1/36 of the height) is more than 10 of 256
    levels from what it was when something last changed. A scene that stands still comes out of H.264 and JPEG within
    7 levels at usual qualities, key frames and a sensor's noise included; something as small as a part that moves
    changes it by far more. "Black" means that 98 % of the parts are darker than 24 levels, which leaves room for the
    time that a camera writes into its pictures.
    """

    def __init__(self) -> None:
        self.warning: str | None = None
        self._size: tuple[int, ...] = ()
        self._parts: NDArray[np.int16] | None = None  # as they were when one last changed
        self._changed_s = self._bright_s = 0.0
        self._compared_s: float | None = None

    def update(self, image: Image, now_s: float, max_still_s: float) -> None:
        """Compare a picture with those before, if it is time to.

        Args:
            image: as in `Frame`; converted to RGB only when it is compared.
            now_s: monotonic.
            max_still_s: how long pictures may be still or black before `warning` says so.
        """
        if self._compared_s is None:
            self._bright_s = now_s
        elif now_s - self._compared_s < (_COMPARE_ON_GPU_EVERY_S if is_on_gpu(image) else _COMPARE_EVERY_S):
            return
        self._compared_s = now_s
        parts = _mean_parts(rgb_of(image))
        if self._parts is None or self._size != image.shape or _differ(parts, self._parts):
            self._size, self._parts, self._changed_s = image.shape, parts, now_s
        if float(np.mean(parts < _BLACK_LEVEL)) < _BLACK_SHARE:
            self._bright_s = now_s
        self.warning = _warn(now_s - self._changed_s, now_s - self._bright_s, max_still_s)


def _mean_parts(image: Rgb) -> NDArray[np.int16]:
    height, width = image.shape[:2]
    step = max(1, min(height // (_SAMPLES * _PARTS_DOWN), width // (_SAMPLES * _PARTS_ACROSS)))
    sampled = np.ascontiguousarray(image[::step, ::step])
    means = cv2.resize(sampled, (_PARTS_ACROSS, _PARTS_DOWN), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.int16)


def _differ(parts: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    return bool((np.abs(parts - before) > _CHANGED_LEVELS).any())


def _warn(still_s: float, black_s: float, max_still_s: float) -> str | None:
    if black_s >= max_still_s:
        return f"the pictures have been black for {black_s:.0f} s: is the lens covered, or the light off?"
    if still_s >= max_still_s:
        return f"the pictures have not changed for {still_s:.0f} s: has the camera frozen, or does nothing move?"
    return None
