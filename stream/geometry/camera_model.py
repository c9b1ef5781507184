"""Camera model: pixels to rays and points to pixels, with lens distortion, for any size or part of the picture."""

# OpenCV's types leave much open.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry_options import Distortion, Intrinsics

_COUNTS: dict[Distortion, tuple[int, ...]] = {
    "none": (0,),
    "plumb_bob": (4, 5),
    "rational": (8,),
    "fisheye": (4,),
}
MAX_SIDE_PX = 100_000
_MAX_FOCAL_PX = 1e7
_MAX_ASPECT_ERROR = 0.01  # of a picture that was scaled
_ROUND_TRIP_PX = 0.1  # beyond it the lens model has no ray for a pixel
_EPSILON = 1e-9


class CameraModelError(ValueError):
    """Intrinsics that no camera has, or that do not fit the picture; the text says which value and what to do."""


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A calibrated camera: x right, y down, z forward, in metres.

    Pixels are OpenCV's: (0, 0) is the centre of the top left pixel. A box's edge at x lies at x - 0.5 here.
    The distortion models are OpenCV's (https://docs.opencv.org/4.x/d9/d0c/group__calib3d.html).

    Raises:
        CameraModelError: a size, a focal length or a coefficient that cannot be.
    """

    intrinsics: Intrinsics

    def __post_init__(self) -> None:
        one = self.intrinsics
        if not (1 <= one.width <= MAX_SIDE_PX and 1 <= one.height <= MAX_SIDE_PX):
            raise CameraModelError(f"the camera's picture has {one.width} x {one.height} px: state the size calibrated")
        if not (_EPSILON < one.fx <= _MAX_FOCAL_PX and _EPSILON < one.fy <= _MAX_FOCAL_PX):
            raise CameraModelError(f"the focal lengths are {one.fx:g} and {one.fy:g} px: both must be more than 0")
        if not (abs(one.cx) <= _MAX_FOCAL_PX and abs(one.cy) <= _MAX_FOCAL_PX):
            raise CameraModelError(f"the principal point is ({one.cx:g}, {one.cy:g}) px: it must lie near the picture")
        if len(one.coefficients) not in _COUNTS[one.distortion]:
            wanted = " or ".join(map(str, _COUNTS[one.distortion]))
            raise CameraModelError(
                f"distortion {one.distortion} has {wanted} coefficients, but {len(one.coefficients)} are given"
            )
        if not all(math.isfinite(value) for value in one.coefficients):
            raise CameraModelError("a distortion coefficient is not a finite number: calibrate again")

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3) OpenCV's camera matrix."""
        one = self.intrinsics
        return np.array([[one.fx, 0.0, one.cx], [0.0, one.fy, one.cy], [0.0, 0.0, 1.0]])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.intrinsics.width, self.intrinsics.height

    def project(self, points_camera: NDArray[np.float64]) -> NDArray[np.float64]:
        """The pixel of each point.

        Args:
            points_camera: (n, 3) metres.

        Returns:
            (n, 2) px; NaN for a point that is not in front of the camera. It may lie outside the picture.
        """
        points = np.asarray(points_camera, np.float64).reshape(-1, 3)
        pixels = np.full((len(points), 2), np.nan)
        front = points[:, 2] > _EPSILON
        if front.any():
            pixels[front] = self._distort(points[front, :2] / points[front, 2:])
        return pixels

    def rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The ray of each pixel.

        Args:
            pixels: (n, 2) px.

        Returns:
            (n, 3) with z = 1; NaN where the lens model has no ray for a pixel.
        """
        points = np.asarray(pixels, np.float64).reshape(-1, 2)
        flat = self._undistort(points)
        if self.intrinsics.distortion != "none":
            with np.errstate(all="ignore"):
                away = np.abs(self._distort(np.nan_to_num(flat, nan=1e6, posinf=1e6, neginf=-1e6)) - points).max(1)
            flat = np.where((away <= _ROUND_TRIP_PX)[:, None], flat, np.nan)
        return np.column_stack([flat, np.ones(len(flat))])

    def scaled_to(self, width: int, height: int) -> CameraModel:
        """The model of the same picture at another size.

        Raises:
            CameraModelError: the other size has another aspect ratio, so the picture was cropped and not scaled.
        """
        one = self.intrinsics
        if (width, height) == self.size:
            return self
        across, down = width / one.width, height / one.height
        if abs(across - down) > _MAX_ASPECT_ERROR * max(across, down):
            raise CameraModelError(
                f"the camera was calibrated at {one.width}x{one.height}, but its pictures are {width}x{height}, which"
                " is another aspect ratio: calibrate at the size in use"
            )
        return CameraModel(
            replace(
                one,
                width=width,
                height=height,
                fx=one.fx * across,
                fy=one.fy * down,
                cx=(one.cx + 0.5) * across - 0.5,
                cy=(one.cy + 0.5) * down - 0.5,
            )
        )

    def cropped(self, left: int, top: int, right: int, bottom: int) -> CameraModel:
        """The model of the part of the picture within these edges, px."""
        one = self.intrinsics
        return CameraModel(
            replace(one, width=right - left, height=bottom - top, cx=one.cx - left, cy=one.cy - top),
        )

    def _distort(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) px of points on the plane z = 1."""
        one = self.intrinsics
        if one.distortion == "none":
            return flat * (one.fx, one.fy) + (one.cx, one.cy)
        coefficients = np.array(one.coefficients)
        if one.distortion == "fisheye":
            found = cv2.fisheye.distortPoints(flat[:, None], self.matrix, coefficients)
        else:
            points = np.column_stack([flat, np.ones(len(flat))])
            found, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), self.matrix, coefficients)
        return np.asarray(found, np.float64).reshape(-1, 2)

    def _undistort(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) on the plane z = 1."""
        one = self.intrinsics
        if one.distortion == "none" or not len(pixels):
            return (pixels - (one.cx, one.cy)) / (one.fx, one.fy)
        coefficients = np.array(one.coefficients)
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-9)
        if one.distortion == "fisheye":
            found = cv2.fisheye.undistortPoints(pixels[:, None], self.matrix, coefficients, criteria=criteria)
        else:
            found = cv2.undistortPointsIter(pixels[:, None], self.matrix, coefficients, np.eye(3), np.eye(3), criteria)
        return np.asarray(found, np.float64).reshape(-1, 2)
