"""Kalman filter of a box: constant velocity of the centre, in seconds instead of frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MIN_SIZE_PX = 12.0  # below it, noise no longer shrinks with the box


@dataclass(frozen=True, slots=True)
class KalmanNoise:
    """Standard deviations relative to the box's own size s = sqrt(w * h): near and far objects are tracked alike.

    Args:
        centre: a detection's centre is off by this many s.
        size: its sides are off by this many s.
        start_speed: a new box may move this many s per second.
        acceleration: its speed changes by this many s per second, after one second.
        growth: its size changes by this share of s, after one second.
    """

    centre: float = 0.07
    size: float = 0.08
    start_speed: float = 10.0
    acceleration: float = 1.0
    growth: float = 0.2


NOISE = KalmanNoise()


class BoxKalman:
    """The centre moves at constant velocity; the size is constant.

    Predicting once over n steps gives the same as n predictions over one. The state `x` is laid out as
    norfair wants it: (8, 1) of cx, cy, w, h in px and their rates in px/s (the size's stay 0).

    Args:
        centre_and_size: (2, 2) px: cx, cy and w, h.
        step_s: returns how many seconds the next prediction spans.
        noise: what is expected of objects and detections.
    """

    def __init__(
        self, centre_and_size: NDArray[np.float64], step_s: Callable[[], float], noise: KalmanNoise = NOISE
    ) -> None:
        self._step_s = step_s
        self._noise = noise
        self.x = np.zeros((8, 1))
        self.x[:4, 0] = centre_and_size.ravel()
        scale_px = self._scale_px()
        # Both axes share their noise and are always measured together, so one covariance serves both.
        self._centre_var = (self._noise.centre * scale_px) ** 2
        self._cross_var = 0.0
        self._speed_var = (self._noise.start_speed * scale_px) ** 2
        self._size_var = (self._noise.size * scale_px) ** 2

    @property
    def centre_and_size(self) -> NDArray[np.float64]:
        """(2, 2) px: cx, cy and w, h."""
        return self.x[:4, 0].reshape(2, 2)

    @property
    def centre_error_px(self) -> float:
        """Standard deviation of the centre."""
        return math.sqrt(self._centre_var)

    def centre_and_size_after(self, step_s: float) -> NDArray[np.float64]:
        """(2, 2) px, as `predict` would make it over this step."""
        moved = self.centre_and_size.copy()
        moved[0] += step_s * self.x[4:6, 0]
        return moved

    def predict(self) -> None:
        """Move on by one step."""
        step_s = self._step_s()
        self.x[:2] += step_s * self.x[4:6]
        acceleration_var = (self._noise.acceleration * self._scale_px()) ** 2
        self._centre_var += step_s * (2 * self._cross_var + step_s * (self._speed_var + acceleration_var * step_s / 3))
        self._cross_var += step_s * (self._speed_var + acceleration_var * step_s / 2)
        self._speed_var += step_s * acceleration_var
        self._size_var += step_s * (self._noise.growth * self._scale_px()) ** 2

    def update(self, measured: NDArray[np.float64], _noise: None = None, _sensors: object = None) -> None:
        """Take in a detection, (4, 1) px of cx, cy, w, h. The other arguments are norfair's and are not used."""
        scale_px = self._scale_px()
        error = measured - self.x[:4]
        # A box smaller than expected may be hidden on one side, and then the centre is off by half of what is missing.
        # Without this term a box that is being occluded would seem to accelerate, and its track would be lost.
        occlusion_px = float(np.abs(error[2:]).max()) / 2
        total_var = self._centre_var + (self._noise.centre * scale_px) ** 2 + occlusion_px**2
        gain, speed_gain = self._centre_var / total_var, self._cross_var / total_var
        self.x[:2] += gain * error[:2]
        self.x[4:6] += speed_gain * error[:2]
        self._speed_var -= speed_gain * self._cross_var
        self._cross_var *= 1 - gain
        self._centre_var *= 1 - gain
        size_gain = self._size_var / (self._size_var + (self._noise.size * scale_px) ** 2)
        self.x[2:4] += size_gain * error[2:]
        self._size_var *= 1 - size_gain

    def _scale_px(self) -> float:
        return max(_MIN_SIZE_PX, math.sqrt(abs(float(self.x[2, 0] * self.x[3, 0]))))
