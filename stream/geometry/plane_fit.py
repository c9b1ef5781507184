"""Plane fit: the support plane from points that lie on it."""

# numpy leaves the types of a decomposition open.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry_options import SupportPlane
from .board_pose import Matrix
from .calibration_error import CalibrationError

MAX_RESIDUAL_M = 0.005
MIN_SPREAD_M = 0.02  # of the points, along their second direction


@dataclass(frozen=True, slots=True)
class PlaneFit:
    """A plane and how well its points lie on it.

    Args:
        plane: the result.
        residual_m: root mean square distance of the points, m.
        sigma_m: the standard deviation of the plane's height under the points, m.
    """

    plane: SupportPlane
    residual_m: float
    sigma_m: float


def fit_plane(points_m: Matrix, viewer_m: Matrix | None = None) -> PlaneFit:
    """The plane that is nearest to the points, by least squares.

    Args:
        points_m: (n, 3), three at least that do not lie on one line.
        viewer_m: (3,) a point on the side that the normal has to point to, such as the camera's; None is straight up.

    Raises:
        CalibrationError: too few points, points on a line, or points that lie on no plane.
    """
    if len(points_m) < 3:
        raise CalibrationError("few_views", f"{len(points_m)} points: a plane needs three or more")
    middle = points_m.mean(0)
    _, spread, axes = np.linalg.svd(points_m - middle)
    spread = spread / np.sqrt(len(points_m))
    if spread[1] < MIN_SPREAD_M:
        raise CalibrationError("degenerate", "the points lie nearly on one line: add points beside it")
    normal = np.asarray(axes[2], np.float64)
    towards = np.array([0.0, 0.0, 1.0]) if viewer_m is None else viewer_m - middle
    if normal @ towards < 0:
        normal = -normal
    residual = float(spread[2]) if len(spread) > 2 else 0.0
    if residual > MAX_RESIDUAL_M:
        raise CalibrationError(
            "not_flat",
            f"the points lie {residual * 1e3:.1f} mm from a plane (root mean square): the board lay elsewhere in one "
            "view, or the poses do not fit",
        )
    x, y, z = normal.tolist()
    return PlaneFit(
        SupportPlane((x, y, z), float(normal @ middle)), residual, residual / np.sqrt(max(1, len(points_m) - 3))
    )
