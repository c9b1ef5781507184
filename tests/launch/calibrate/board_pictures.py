"""Pictures of a charuco board as a camera with lens distortion on a robot's flange takes them."""

# OpenCV's and SciPy's types leave much open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportCallIssue=false, reportArgumentType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from groundcast.launch.calibrate.board import BoardOptions, CharucoFinder, Picture
from groundcast.stream.geometry.camera_model import CameraModel
from groundcast.stream.geometry.rigid_transform import RigidTransform
from groundcast.stream.geometry_options import Intrinsics

CAMERA = CameraModel(Intrinsics(640, 480, 610.0, 612.0, 322.0, 236.0, "plumb_bob", (-0.12, 0.05, 0.001, -0.0005, 0.0)))
FLANGE_FROM_CAMERA = RigidTransform(Rotation.from_rotvec([0.1, -0.2, 1.5]).as_matrix(), np.array([0.03, -0.05, 0.06]))
BASE_FROM_BOARD = RigidTransform(Rotation.from_euler("xz", [np.pi, 0.4]).as_matrix(), np.array([0.45, 0.1, 0.02]))
PIXELS_PER_SQUARE = 60
COUNT = 16


@dataclass(frozen=True)
class BoardPictures:
    """The pictures' folder, and the file with the flange's poses."""

    folder: Path
    poses: Path


class BoardCamera:
    """Renders the board by tracing each pixel's ray to the board's plane."""

    def __init__(self, finder: CharucoFinder) -> None:
        columns, rows = np.meshgrid(np.arange(640.0), np.arange(480.0))
        self._rays = CAMERA.rays(np.column_stack([columns.ravel(), rows.ravel()]))
        self._board = finder.picture(PIXELS_PER_SQUARE, margin=1.0)
        self._scale = PIXELS_PER_SQUARE / finder.square_m
        self._noise = np.random.default_rng(0)

    def take(self, camera_from_board: RigidTransform) -> Picture:
        """The grey picture as (480, 640, 3)."""
        back = camera_from_board.inverse()
        directions = back.turn(self._rays)
        reach = -back.translation_m[2] / directions[:, 2]
        points = back.translation_m[:2] + reach[:, None] * directions[:, :2]
        places = (points * self._scale + PIXELS_PER_SQUARE - 0.5).astype(np.float32).reshape(480, 640, 2)
        seen = cv2.remap(self._board, places, None, cv2.INTER_LINEAR, borderValue=120)
        soft = cv2.GaussianBlur(seen, (0, 0), 0.7) * 0.85 + 15 + self._noise.normal(0, 2.0, seen.shape)
        return np.repeat(np.clip(soft, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def camera_poses(finder: CharucoFinder) -> list[RigidTransform]:
    """base_from_camera of each picture: around the board, which lies in another part of each picture."""
    rng = np.random.default_rng(3)
    width, height = finder.size_m
    poses: list[RigidTransform] = []
    for row in range(COUNT):
        across, down = ((row % 4) / 3 - 0.5) * 1.2, ((row // 4) / 3 - 0.5) * 1.0
        target = BASE_FROM_BOARD.apply(np.array([width * (0.5 - across), height * (0.5 - down), 0.0]))
        angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1.35)
        side = np.array([np.cos(slope) * np.cos(angle), np.cos(slope) * np.sin(angle), np.sin(slope)])
        position = target + rng.uniform(0.36, 0.44) * side
        forward = -side
        right = BASE_FROM_BOARD.rotation[:, 0] - (BASE_FROM_BOARD.rotation[:, 0] @ forward) * forward
        right /= np.linalg.norm(right)
        level = np.stack([right, np.cross(forward, right), forward], axis=1)
        poses.append(RigidTransform(level @ Rotation.from_euler("z", rng.uniform(-0.5, 0.5)).as_matrix(), position))
    return poses


def take_pictures(folder: Path) -> BoardPictures:
    """Render all pictures, one of them without a board, and write them with their poses."""
    pictures = folder / "views"
    pictures.mkdir(parents=True)
    finder = CharucoFinder(BoardOptions())
    camera = BoardCamera(finder)
    listed: list[dict[str, object]] = []
    for row, base_from_camera in enumerate(camera_poses(finder)):
        name = f"{row:02}.png"
        cv2.imwrite(str(pictures / name), camera.take(base_from_camera.inverse() @ BASE_FROM_BOARD))
        flange = base_from_camera @ FLANGE_FROM_CAMERA.inverse()
        listed.append({"picture": name, **_as_map(flange)})
    cv2.imwrite(str(pictures / "99.png"), np.full((480, 640, 3), 90, np.uint8))
    listed.insert(3, {"picture": "99.png", **_as_map(RigidTransform.identity())})
    poses = folder / "poses.json"
    poses.write_text(json.dumps(listed))
    return BoardPictures(pictures, poses)


def _as_map(pose: RigidTransform) -> dict[str, object]:
    return {"translation_m": pose.translation_m.tolist(), "quaternion_xyzw": pose.quaternion_xyzw.tolist()}
