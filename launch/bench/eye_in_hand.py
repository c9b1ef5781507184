"""Eye-in-hand benchmark: a camera that moves past a thing, with poses that arrive late."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...stream.depth_image import DepthImage
from ...stream.frame import Frame
from ...stream.geometry.camera_model import CameraModel
from ...stream.geometry.position_finder import PositionFinder
from ...stream.geometry.rigid_transform import RigidTransform
from ...stream.geometry.stereo import Sightings
from ...stream.geometry_options import DepthOptions, GeometryOptions, Intrinsics, Placement, SupportPlane
from ...stream.track import Track

Poses = Literal["interpolated", "newest"]
_CAMERA = Intrinsics(640, 480, 600.0, 600.0, 319.5, 239.5)
_SPEED_M_S, _TURN_RAD_S = 0.3, 0.5
_POSE_HZ, _LATE_S, _FRAME_HZ = 125.0, 0.04, 30.0
_HALF_M, _HEIGHT_M, _ABOVE_M = 0.03, 0.05, 0.6
_TOP = np.array([0.0, 0.0, _HEIGHT_M])
_UNIX_NS = 1_790_000_000_000_000_000


def bench_eye_in_hand(passes: int, seed: int) -> dict[str, float]:
    """The median error in mm of a thing's position: standing still, moving, and moving with the newest pose.

    Each pass takes 0.6 s: the camera moves at 0.3 m/s and turns at 0.5 rad/s above a block on a table.
    """
    rng = np.random.default_rng(seed)
    still = [error for _ in range(passes) for error in _errors(rng, 0.0, "interpolated")]
    moving = [error for _ in range(passes) for error in _errors(rng, 1.0, "interpolated")]
    newest = [error for _ in range(passes) for error in _errors(rng, 1.0, "newest")]
    names = ("still", "moving", "newest")
    medians = {
        name: 1e3 * float(np.median(errors)) for name, errors in zip(names, (still, moving, newest), strict=True)
    }
    return {**{f"{name}_mm": value for name, value in medians.items()}, "positions": float(len(moving))}


def _errors(rng: np.random.Generator, share: float, poses: Poses) -> list[float]:
    """The error of each position of one pass, m."""
    options = GeometryOptions(
        _CAMERA, flange_from_camera=Placement(), plane=SupportPlane(), depth=DepthOptions(max_m=3.0)
    )
    finder = PositionFinder("wrist", options, Sightings())
    heading, turning = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])

    def pose_at(time_s: float) -> RigidTransform:
        away_m, angle = share * _SPEED_M_S * (time_s - 1.3), share * turning * _TURN_RAD_S * (time_s - 1.3)
        place = np.array([away_m * np.cos(heading), away_m * np.sin(heading), _ABOVE_M])
        about_y = RigidTransform.from_quaternion((0, 0, 0), (0, np.sin(angle / 2), 0, np.cos(angle / 2)))
        down = RigidTransform.from_quaternion((0, 0, 0), (1, 0, 0, 0))
        return RigidTransform((about_y @ down).rotation, place)

    for step in range(int(2.0 * _POSE_HZ)):
        at_s = step / _POSE_HZ
        pose = pose_at(at_s - (_LATE_S if poses == "newest" else 0.0)).placement  # the newest that had arrived by then
        stamp_ns = int(at_s * 1e9)
        finder.sensors.add_pose(
            pose.translation_m, pose.quaternion_xyzw, _UNIX_NS + stamp_ns, stamp_ns + int(_LATE_S * 1e9), _UNIX_NS
        )
    errors: list[float] = []
    for index in range(int(0.6 * _FRAME_HZ)):
        time_s = 1.0 + index / _FRAME_HZ + float(rng.uniform(0, 0.004))
        frame, track = _look(rng, pose_at(time_s), time_s, index)
        (placed,) = finder.place(frame, [replace(track, uid=f"t{index}")], 0.0).tracks  # each frame by itself
        if placed.position is not None:
            errors.append(float(np.linalg.norm(np.array(placed.position.xyz_m) - _TOP)))
    return errors


@functools.cache
def _rays() -> NDArray[np.float64]:
    """(n, 3) the ray of each pixel."""
    v, u = np.mgrid[0 : _CAMERA.height, 0 : _CAMERA.width]
    return CameraModel(_CAMERA).rays(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))


def _look(rng: np.random.Generator, base_from_camera: RigidTransform, time_s: float, index: int) -> tuple[Frame, Track]:
    """What the camera sees of the block's top: its depth picture with noise and holes, and its box."""
    width, height = _CAMERA.width, _CAMERA.height
    rays = base_from_camera.turn(_rays())
    eye = base_from_camera.translation_m
    at_top = (_HEIGHT_M - eye[2]) / rays[:, 2]
    points = eye + rays * at_top[:, None]
    on_top = (np.abs(points[:, :2]) <= _HALF_M).all(1)
    z = np.where(on_top, at_top, -eye[2] / rays[:, 2]).reshape(height, width)
    z = z + rng.normal(size=z.shape) * (0.0012 + 0.0019 * (z - 0.4) ** 2)
    z[rng.random(z.shape) < 0.03] = 0.0
    rows, columns = np.nonzero(on_top.reshape(height, width))
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    left, top, right, bottom = (float(edge + rng.normal(0, 1.0)) for edge in box)
    at_ns = int(time_s * 1e9)
    frame = Frame(
        "wrist", 1, index, None, (1, 1), time_s, _UNIX_NS + at_ns, "push", 20.0, at_ns, at_ns, None,
        np.zeros((height, width, 3), np.uint8), at_ns,
        depth=DepthImage(np.round(np.clip(z, 0.0, 60.0) * 1000).astype(np.uint16), 0.001),
    )  # fmt: skip
    track = Track(
        1, "t", "block", 0.9, (left, top, right, bottom), (left, top, right, bottom), "matched", None, None, 0.0, 0,
        (0.0, 0.0),
    )  # fmt: skip
    return frame, track
