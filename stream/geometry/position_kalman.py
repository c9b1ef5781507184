"""Kalman filter of a position in metres: constant velocity, in seconds instead of frames."""

from __future__ import annotations

import numpy as np

from .rigid_transform import Vector

_START_SPEED_M_S = 0.5
_MAX_SURPRISE = 25.0  # squared Mahalanobis distance; by chance 1 of 60,000 is more
_FLOOR_M2 = 1e-4**2 * np.eye(3)  # a position on a plane has no noise across it, which would leave a matrix singular
_MIN_UPDATES = 3  # before a velocity means anything


class PositionKalman:
    """One track's position and velocity.

    What all frames share (`bias_m2`) is no noise: it is kept out of the filter, which would average it away, and added
    to the covariance that it gives.

    Attributes:
        predicted_s: how long ago the position was last measured.

    Args:
        point_m: (3,) the first measured position.
        noise_m2: (3, 3) its covariance.
        acceleration_m_s2: how fast the velocity changes, after one second.
    """

    def __init__(self, point_m: Vector, noise_m2: Vector, acceleration_m_s2: float) -> None:
        self.predicted_s = 0.0
        self._acceleration_var = acceleration_m_s2**2
        self._restart(point_m, noise_m2)

    @property
    def point_m(self) -> Vector:
        return self._x[:3]

    @property
    def covariance_m2(self) -> Vector:
        """(3, 3) of the position, without what all frames share."""
        return self._p[:3, :3]

    @property
    def velocity_m_s(self) -> Vector | None:
        """None before it means anything."""
        return self._x[3:] if self._updates >= _MIN_UPDATES else None

    def predict(self, step_s: float) -> None:
        """Move on by a time of 0 or more."""
        x, p = self._x, self._p
        x[:3] += step_s * x[3:]
        cross = p[:3, 3:] + step_s * p[3:, 3:]
        p[:3, :3] += step_s * (p[:3, 3:].T + cross)
        p[:3, 3:], p[3:, :3] = cross, cross.T
        q = self._acceleration_var * step_s
        for i in range(3):
            p[i, i] += q * step_s * step_s / 3
            p[i, i + 3] += q * step_s / 2
            p[i + 3, i] += q * step_s / 2
            p[i + 3, i + 3] += q
        self.predicted_s += step_s

    def update(self, point_m: Vector, noise_m2: Vector, bias_m2: Vector) -> bool:
        """Take in a measured position.

        Returns:
            False where it lies too far from the predicted one to be the same thing: it is left out once, and the second
            time in a row the filter begins anew with it.
        """
        noise_m2 = noise_m2 + _FLOOR_M2
        surprise = point_m - self._x[:3]
        total = self._p[:3, :3] + noise_m2
        if float(surprise @ np.linalg.solve(total + bias_m2, surprise)) > _MAX_SURPRISE:
            self._outliers += 1
            if self._outliers < 2:
                return False
            self._restart(point_m, noise_m2)
            self.predicted_s = 0.0
            return True
        gain = np.linalg.solve(total, self._p[:3, :]).T  # (6, 3)
        self._x += gain @ surprise
        # Joseph's form stays positive definite.
        keep = np.eye(6)
        keep[:, :3] -= gain
        p = keep @ self._p @ keep.T + gain @ noise_m2 @ gain.T
        self._p = (p + p.T) / 2  # else rounding lets it grow apart from its mirror image
        self._updates += 1
        self._outliers = 0
        self.predicted_s = 0.0
        return True

    def _restart(self, point_m: Vector, noise_m2: Vector) -> None:
        self._x = np.concatenate([point_m, np.zeros(3)])
        self._p = np.zeros((6, 6))
        self._p[:3, :3] = noise_m2 + _FLOOR_M2
        self._p[3:, 3:] = np.eye(3) * _START_SPEED_M_S**2
        self._updates, self._outliers = 1, 0
