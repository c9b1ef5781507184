"""Wrist camera: the colour and depth pictures of a simulated RGB-D camera, with the depth's noise and holes."""

# MuJoCo comes without types.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from ...model.tabletop.renderer import RendererError
from ...stream.geometry.rigid_transform import RigidTransform
from ...stream.geometry_options import Intrinsics
from .cell import FOVY_DEG, HEIGHT_PX, WIDTH_PX, Cell

Picture = NDArray[np.uint8]
_UNIT_M = 0.001  # a step of the depth
_HOLES = 0.03
_CAMERA_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])  # MuJoCo's cameras look along -z with y up


class CellRenderer:
    """Renders the cameras of one cell. Close it before the next cell's.

    Args:
        cell: what to render.
        seed: of the depth's noise.

    Raises:
        RendererError: the OpenGL library is missing.
    """

    def __init__(self, cell: Cell, seed: int = 0) -> None:
        try:
            from mujoco.osmesa import GLContext
        except (ImportError, AttributeError, RuntimeError, OSError) as error:
            raise RendererError(f"the arm cannot be drawn ({error}): install Debian's libosmesa6") from error
        self._model = cell.model
        self._gl: Any = GLContext(WIDTH_PX, HEIGHT_PX)
        self._gl.make_current()
        self._context = mujoco.MjrContext(cell.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._scene = mujoco.MjvScene(cell.model, maxgeom=400)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[3] = 0  # the shapes that are touched
        self._noise = np.random.default_rng([seed, 3])

    def take(self, data: Any, camera: str = "wrist") -> tuple[Picture, NDArray[np.float32]]:
        """The colour picture, (480, 640, 3), and the exact distance along the axis of each pixel, m."""
        self._gl.make_current()
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        view.fixedcamid = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        mujoco.mjv_updateScene(
            self._model, data, self._options, None, view, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        rect = mujoco.MjrRect(0, 0, WIDTH_PX, HEIGHT_PX)
        image, raw = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.uint8), np.empty((HEIGHT_PX, WIDTH_PX), np.float32)
        mujoco.mjr_render(rect, self._scene, self._context)
        mujoco.mjr_readPixels(image, raw, rect, self._context)
        near, far = (self._model.vis.map.znear, self._model.vis.map.zfar)
        distance = near * far / (near + raw.astype(np.float64) * (far - near))
        return np.ascontiguousarray(image[::-1]), distance[::-1].astype(np.float32)

    def measure(self, distance_m: NDArray[np.float32]) -> NDArray[np.uint16]:
        """The depth picture in mm as a camera gives it: noise that grows with distance, 3 % holes, 1 mm steps."""
        sigma = 0.0012 + 0.0019 * (distance_m - 0.4) ** 2
        noisy = distance_m + self._noise.normal(0.0, 1.0, distance_m.shape) * sigma
        noisy[self._noise.random(distance_m.shape) < _HOLES] = 0.0
        noisy[(distance_m > 3.0) | (distance_m < 0.08)] = 0.0
        return np.round(np.clip(noisy, 0.0, 60.0) / _UNIT_M).astype(np.uint16)

    def close(self) -> None:
        """Free the context."""
        self._gl.make_current()
        self._context.free()
        self._gl.free()


def wrist_intrinsics() -> Intrinsics:
    """The exact pinhole of the wrist camera."""
    focal = HEIGHT_PX / 2 / math.tan(math.radians(FOVY_DEG) / 2)
    return Intrinsics(WIDTH_PX, HEIGHT_PX, focal, focal, (WIDTH_PX - 1) / 2, (HEIGHT_PX - 1) / 2)


def flange_from_camera(cell: Cell) -> RigidTransform:
    """The wrist camera's place on the flange."""
    number = mujoco.mj_name2id(cell.model, mujoco.mjtObj.mjOBJ_CAMERA, "wrist")
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, cell.model.cam_quat[number])
    return RigidTransform(turn.reshape(3, 3) @ _CAMERA_FROM_OPENGL, np.array(cell.model.cam_pos[number]))
