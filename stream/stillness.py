"""Notices pictures that do not change, and pictures that are black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POINTS_ACROSS, _POINTS_DOWN = 64, 36
_LOOK_EVERY_S = 0.25
_CHANGED_LEVELS = 12
_BLACK_LEVEL = 24
_BLACK_SHARE = 0.98


class Stillness:
    """Compares a grid of some two thousand points, four times a second: a few hundredths of a millisecond each.

    "Not changed" means that no colour of any point is more than 12 of 256 levels from what it was: coding the same
    picture again moves it by less, and so do the dusk and the noise of a good sensor. Whatever moves must cover a point
    (1/64 of the width, 1/36 of the height) to be seen. "Black" means that 98 % of the points are darker than 24 levels,
    which leaves room for the time that a camera writes into its pictures.
    """

    def __init__(self) -> None:
        self.warning: str | None = None
        self._points: NDArray[np.int16] | None = None  # as they were when they last changed
        self._changed_s = self._bright_s = 0.0
        self._looked_s: float | None = None

    def look(self, image: NDArray[np.uint8], now_s: float, longest_s: float) -> None:
        """Look at a picture, if it is time to.

        Args:
            image: (height, width, 3).
            now_s: monotonic.
            longest_s: how long pictures may be still or black before `warning` says so.
        """
        if self._looked_s is None:
            self._bright_s = now_s
        elif now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        points = _points(image)
        if self._points is None or _differ(points, self._points):
            self._points, self._changed_s = points, now_s
        if float(np.mean(points < _BLACK_LEVEL)) < _BLACK_SHARE:
            self._bright_s = now_s
        self.warning = _warn(now_s - self._changed_s, now_s - self._bright_s, longest_s)


def _points(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    height, width = image.shape[:2]
    grid = image[:: -(-height // _POINTS_DOWN), :: -(-width // _POINTS_ACROSS)]
    return grid.astype(np.int16)


def _differ(points: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    return points.shape != before.shape or bool((np.abs(points - before) > _CHANGED_LEVELS).any())


def _warn(still_s: float, black_s: float, longest_s: float) -> str | None:
    if black_s >= longest_s:
        return f"the pictures have been black for {black_s:.0f} s: is the lens covered, or the light off?"
    if still_s >= longest_s:
        return f"the pictures have not changed for {still_s:.0f} s: has the camera frozen, or does nothing move?"
    return None
