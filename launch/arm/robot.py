"""Robot: the simulated arm's driver, which follows one command at a time and stops when the command's time is over."""

# MuJoCo comes without types.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from ...stream.geometry.rigid_transform import RigidTransform
from .cell import GRIP_OPEN_M, HOME_M, STEP_S, Cell

Vector = NDArray[np.float64]
_SHOULDER_M, _UPPER_M, _FORE_M, _TOOL_M = 0.28, 0.36, 0.34, 0.21  # heights and lengths of the links in cell.py
_STOP_M_S2 = 6.0  # how fast the setpoint slows down
_STILL_M_S = 0.005
_BRAKING_S = 0.15  # how long the arm takes to stop; it begins so much earlier


@dataclass(frozen=True, slots=True)
class ArmCommand:
    """One command of a controller.

    Args:
        tip_m: where the gripper's tip has to go, in the base frame.
        speed_m_s: at most.
        closed: the gripper's state.
        until_ns: when the command's time is over; the arm stands still by then.
    """

    tip_m: tuple[float, float, float]
    speed_m_s: float
    closed: bool
    until_ns: int


class Robot:
    """The arm of one cell, moved in steps of 2 ms.

    Args:
        cell: which cell's.
        speed: how fast simulated time passes: 0.5 makes all motion half as fast.
    """

    def __init__(self, cell: Cell, speed: float) -> None:
        self.cell = cell
        self.data: Any = mujoco.MjData(cell.model)
        self.speed = speed
        self._tip: Vector = np.array(HOME_M)
        self._velocity: Vector = np.zeros(3)
        self._command: ArmCommand | None = None
        self._next: tuple[int, ArmCommand] | None = None
        self._closed = False
        self.data.qpos[:6] = joints_for(HOME_M)
        self.data.ctrl[:6] = joints_for(HOME_M)
        for _ in range(250):  # the objects settle
            mujoco.mj_step(cell.model, self.data)

    def obey(self, command: ArmCommand, now_ns: int) -> None:
        """Follow a command from this moment on, until its time is over or the next one comes."""
        self._next = (now_ns, command)

    def advance(self, from_ns: int, to_ns: int) -> int:
        """Move from one moment to another, of which each simulated step has its own. Returns where it has got to."""
        step_ns = int(STEP_S * 1e9 / self.speed)
        now_ns = from_ns
        while now_ns + step_ns <= to_ns:
            now_ns += step_ns
            self._move_setpoint(now_ns)
            self.data.ctrl[:6] = joints_for(tuple(self._tip.tolist()))
            self.data.ctrl[6:8] = -GRIP_OPEN_M if self._closed else 0.0
            mujoco.mj_step(self.cell.model, self.data)
        return now_ns

    @property
    def tip_m(self) -> Vector:
        """Where the tip is."""
        return np.array(self.data.site("tip").xpos)

    @property
    def tip_speed_m_s(self) -> float:
        """How fast the tip moves, in real seconds."""
        moved = np.zeros(6)
        number = mujoco.mj_name2id(self.cell.model, mujoco.mjtObj.mjOBJ_SITE, "tip")
        mujoco.mj_objectVelocity(self.cell.model, self.data, mujoco.mjtObj.mjOBJ_SITE, number, moved, 0)
        return float(np.linalg.norm(moved[3:])) * self.speed

    @property
    def stands_still(self) -> bool:
        """Whether the tip moves by less than 5 mm/s."""
        return self.tip_speed_m_s < _STILL_M_S * self.speed

    @property
    def grip_m(self) -> float:
        """How far the fingers are apart."""
        return 2 * GRIP_OPEN_M + float(self.data.joint("left").qpos[0] + self.data.joint("right").qpos[0])

    @property
    def base_from_flange(self) -> RigidTransform:
        """The flange's pose, as a robot's own encoders give it."""
        site = self.data.site("flange")
        return RigidTransform(np.array(site.xmat).reshape(3, 3), np.array(site.xpos))

    def place_of(self, name: str) -> Vector:
        """Where an object truly is, which only the judge may ask."""
        return np.array(self.data.body(name).xpos)

    def push(self, name: str, to_xy: tuple[float, float]) -> None:
        """Put an object somewhere else on the table, as a person would."""
        joint = self.cell.model.body(name).jntadr[0]
        address = int(self.cell.model.jnt_qposadr[joint])
        self.data.qpos[address : address + 3] = [*to_xy, 0.002]
        self.data.qvel[self.cell.model.jnt_dofadr[joint] :][:6] = 0.0

    def _move_setpoint(self, now_ns: int) -> None:
        """Trapezoidal speed along a straight line; to a stop where there is no valid command."""
        if self._next is not None and now_ns >= self._next[0]:
            self._command, self._next = self._next[1], None
        command = self._command
        step = STEP_S
        wanted = np.zeros(3)
        if command is not None and now_ns < command.until_ns - int(_BRAKING_S / self.speed * 1e9):
            self._closed = command.closed
            way = np.array(command.tip_m) - self._tip
            far = float(np.linalg.norm(way))
            if far > 1e-5:
                wanted = way / far * min(command.speed_m_s, math.sqrt(2 * _STOP_M_S2 * far), far / step)
        change = wanted - self._velocity
        size = float(np.linalg.norm(change))
        self._velocity = self._velocity + change * min(1.0, _STOP_M_S2 * step / max(size, 1e-9))
        self._tip = self._tip + self._velocity * step


def joints_for(tip_m: tuple[float, float, float]) -> list[float]:
    """The six joints' angles that bring the tip there, with the gripper straight down; the nearest reachable ones."""
    x, y, z = tip_m
    reach, height = math.hypot(x, y), z + _TOOL_M - _SHOULDER_M
    far = min(math.hypot(reach, height), _UPPER_M + _FORE_M - 1e-3)
    elbow = math.pi - math.acos((_UPPER_M**2 + _FORE_M**2 - far**2) / (2 * _UPPER_M * _FORE_M))
    inner = math.acos((_UPPER_M**2 + far**2 - _FORE_M**2) / (2 * _UPPER_M * far))
    shoulder = math.atan2(reach, height) - inner
    return [math.atan2(y, x), shoulder, elbow, 0.0, math.pi - shoulder - elbow, 0.0]
