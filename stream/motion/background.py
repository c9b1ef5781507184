"""Background model: which pixels of a small grey picture differ from what is usual at their place.

Each pixel has a running mean and variance of its local contrast: the logarithm of its brightness minus that of its
surroundings. A change of light multiplies both, so it leaves the contrast as it is. Where branches sway the variance
grows, and with it the difference that counts. (Running Gaussian average: Wren et al., Pfinder, 1997.)
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Plane = NDArray[np.float32]

_DARKEST = 8.0  # added to the brightness, so that the noise of black pixels counts little
_SURROUNDINGS_PX = 17
_MIN_SIGMA = 0.035  # of a contrast: about 4 % of the brightness
_SIGMAS = 4.5
_LEARN_S, _ABSORB_S = 20.0, 90.0  # time constants where nothing moves, and where something does
_WIDEN_S = 8.0  # time constant at which the variance grows
_MAX_SIGMAS = 12.0  # a larger difference counts as this much in the variance
_MAX_STEP_S = 5.0
_FIRST_S = 1.0  # shortest time constant
_START_SIGMA = 0.15


class BackgroundModel:
    """Learns the background of one camera's pictures. All have one size; another size begins anew."""

    def __init__(self) -> None:
        self._mean: Plane | None = None
        self._variance: Plane | None = None
        self._age_s = 0.0

    def update(self, grey: Grey, step_s: float, ignored: Mask | None = None) -> Mask:
        """The pixels that differ, 255, and those that do not, 0; then learn the picture.

        Args:
            grey: (h, w) uint8.
            step_s: since the last picture.
            ignored: pixels that are not 0 are left out, also as surroundings of others.
        """
        contrast = _local_contrast(grey, ignored)
        if self._mean is None or self._variance is None or self._mean.shape != contrast.shape:
            self.begin(contrast)
            return np.zeros(grey.shape, np.uint8)
        difference = contrast - self._mean
        squared = difference * difference
        variance = np.maximum(self._variance, _MIN_SIGMA**2)
        differs = squared > _SIGMAS**2 * variance
        step_s = min(step_s, _MAX_STEP_S)
        self._age_s += step_s
        learn = np.float32(_share(step_s, min(_LEARN_S, max(_FIRST_S, self._age_s))))  # at first a plain average
        absorb = np.float32(_share(step_s, _ABSORB_S))
        self._mean += np.where(differs, absorb, learn) * difference
        capped = np.minimum(squared, _MAX_SIGMAS**2 * variance)
        grows = capped > variance
        widen = np.where(differs, absorb, np.float32(_share(step_s, _WIDEN_S)))
        self._variance += np.where(grows, widen, learn) * (capped - self._variance)
        return differs.astype(np.uint8) * np.uint8(255)

    def relearn(self, grey: Grey, ignored: Mask | None = None) -> None:
        """Take a picture as the background: the light, or the camera's view, has changed."""
        self.begin(_local_contrast(grey, ignored))

    def begin(self, contrast: Plane) -> None:
        """Forget all but this picture."""
        self._mean = contrast
        self._variance = np.full(contrast.shape, _START_SIGMA**2, np.float32)
        self._age_s = 0.0


def _local_contrast(grey: Grey, ignored: Mask | None) -> Plane:
    light = np.asarray(cv2.log(cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float32) + np.float32(_DARKEST)), np.float32)
    around = (_SURROUNDINGS_PX, _SURROUNDINGS_PX)
    if ignored is None:
        return np.asarray(light - cv2.blur(light, around), np.float32)
    kept = (ignored == 0).astype(np.float32)
    share = np.maximum(np.asarray(cv2.blur(kept, around), np.float32), np.float32(1e-3))
    return np.asarray(kept * (light - cv2.blur(light * kept, around) / share), np.float32)


def _share(step_s: float, constant_s: float) -> float:
    return 1.0 - math.exp(-step_s / constant_s)
