"""Motion gate: lets a source's pictures pass while something moves in them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ..watch_options import MotionOptions
from .background import BackgroundModel, Grey, Mask

WIDTH_PX = 160  # of the picture in which motion is looked for
_MIN_INTERVAL_S = 0.1  # between two looks
_MAX_SHARE = 0.4  # of the picture: more than that is the light or the camera, and no animal
_SETTLE_S = 4.0  # how long the background is learnt after that
_NEAR_PX = 5  # how far something moves between two looks
_OPENING = np.ones((2, 2), np.uint8)
_NEAR = np.ones((2 * _NEAR_PX + 1, 2 * _NEAR_PX + 1), np.uint8)


class MotionGate:
    """Decides for each picture of one source whether it passes. One thread uses it.

    Attributes:
        skipped: pictures that did not pass.
        is_moving: whether pictures pass because of motion.
    """

    def __init__(self, options: MotionOptions) -> None:
        self.options = options
        self.skipped = 0
        self.is_moving = False
        self._background = BackgroundModel()
        self._looked_s: float | None = None
        self._passed_s: float | None = None
        self._moved_s = float("-inf")
        self._settles_until_s = float("-inf")
        self._before: Mask | None = None
        self._mask: Mask | None = None

    def passes(self, time_s: float, grey: Callable[[], tuple[Grey, float] | None]) -> bool:
        """Whether a picture passes.

        Args:
            time_s: when it was taken, on the source's own clock.
            grey: gives the picture in grey, `WIDTH_PX` wide, and how many px of the original one of its px is; None
                where the picture is damaged.
        """
        if self._looked_s is None or time_s - self._looked_s >= _MIN_INTERVAL_S:
            small = grey()
            if small is not None:
                self._look(time_s, *small)
        self.is_moving = time_s - self._moved_s <= self.options.hold_s
        is_due = self._passed_s is None or time_s - self._passed_s >= self.options.look_every_s
        if self.is_moving or is_due:
            self._passed_s = time_s
            return True
        self.skipped += 1
        return False

    def _look(self, time_s: float, grey: Grey, scale: float) -> None:
        step_s = 0.0 if self._looked_s is None else time_s - self._looked_s
        self._looked_s = time_s
        ignored = self._ignored(grey, scale)
        differs = self._background.update(grey, step_s, ignored)
        share = np.count_nonzero(differs) / differs.size
        if share > _MAX_SHARE:  # one look, since a large animal may be that near
            if time_s >= self._settles_until_s:
                self._passed_s = None
            self._background.relearn(grey, ignored)
            self._settles_until_s = time_s + _SETTLE_S
            self._before = None
            return
        opened = np.asarray(cv2.morphologyEx(differs, cv2.MORPH_OPEN, _OPENING), np.uint8)
        before, self._before = self._before, opened
        if before is not None and time_s >= self._settles_until_s and self._is_motion(opened, before):
            self._moved_s = time_s

    def _ignored(self, grey: Grey, scale: float) -> Mask | None:
        """The pixels of the areas to ignore, 255; None where there are none."""
        if not self.options.ignore_px:
            return None
        if self._mask is None or self._mask.shape != grey.shape:
            self._mask = np.zeros(grey.shape, np.uint8)
            for polygon in self.options.ignore_px:
                corners = np.asarray([(round(x / scale), round(y / scale)) for x, y in polygon], np.int32)
                cv2.fillPoly(self._mask, [corners], (255,))
        return self._mask

    def _is_motion(self, now: Mask, before: Mask) -> bool:
        """Whether something large enough was there in the last look, too: rain never is."""
        lasting = np.asarray(cv2.dilate(before, _NEAR), np.uint8) & now
        count, _, areas, _ = cv2.connectedComponentsWithStats(lasting)
        smallest = self.options.min_area * now.size
        return count > 1 and int(areas[1:, cv2.CC_STAT_AREA].max()) >= smallest


def small_grey(grey: NDArray[np.uint8]) -> tuple[Grey, float]:
    """A grey picture of `WIDTH_PX`, and how many px of the original one of its px is."""
    high, wide = grey.shape
    scale = max(1.0, wide / WIDTH_PX)
    size = max(1, round(wide / scale)), max(1, round(high / scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8), scale
