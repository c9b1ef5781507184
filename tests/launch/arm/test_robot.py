"""The simulated arm: where its joints bring the tip, what its gripper lifts, and when it stops."""

# MuJoCo comes without types.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco")

from groundcast.launch.arm.cell import FINGERS_M, build_cell
from groundcast.launch.arm.robot import ArmCommand, Robot, joints_for

Place = tuple[float, float, float]


def go(robot: Robot, now_ns: int, tip_m: Place, seconds: float, *, closed: bool, valid_s: float = 1e3) -> int:
    robot.obey(ArmCommand(tip_m, 0.3, closed, now_ns + int(valid_s * 1e9)), now_ns)
    return robot.advance(now_ns, now_ns + int(seconds * 1e9))


@pytest.mark.parametrize("place", [(0.3, 0.0, 0.38), (0.5, 0.15, 0.02), (0.31, -0.16, 0.17)])
def test_the_joints_bring_the_tip_where_it_is_sent(place: Place) -> None:
    import mujoco

    robot = Robot(build_cell(1), 1.0)
    robot.data.qpos[:6] = joints_for(place)
    mujoco.mj_forward(robot.cell.model, robot.data)

    assert robot.tip_m == pytest.approx(place, abs=1e-3)
    assert robot.base_from_flange.rotation[2, 2] == pytest.approx(-1.0)  # straight down


def test_the_gripper_lifts_a_thing_by_friction_alone() -> None:
    robot = Robot(build_cell(2), 1.0)
    x, y, _ = robot.place_of("object0").tolist()

    now_ns = go(robot, 0, (x, y, 0.17), 1.5, closed=False)
    now_ns = go(robot, now_ns, (x, y, 0.015), 1.5, closed=False)
    now_ns = go(robot, now_ns, (x, y, 0.015), 0.6, closed=True)
    go(robot, now_ns, (x, y, 0.2), 1.5, closed=True)

    assert robot.place_of("object0")[2] > 0.15
    assert robot.grip_m > 0.03


def test_fingers_beside_a_thing_lift_nothing() -> None:
    robot = Robot(build_cell(2), 1.0)
    x, y, _ = robot.place_of("object0").tolist()

    now_ns = go(robot, 0, (x - 0.06, y, 0.17), 1.5, closed=False)
    now_ns = go(robot, now_ns, (x - 0.06, y, 0.015), 1.5, closed=False)
    now_ns = go(robot, now_ns, (x - 0.06, y, 0.015), 0.6, closed=True)
    go(robot, now_ns, (x - 0.06, y, 0.2), 1.5, closed=True)

    assert robot.place_of("object0")[2] < 0.05
    assert robot.grip_m < 0.012


def test_the_arm_stops_when_its_commands_time_is_over() -> None:
    robot = Robot(build_cell(3), 1.0)

    now_ns = go(robot, 0, (0.5, 0.1, 0.2), 0.3, closed=False, valid_s=0.45)
    assert robot.tip_speed_m_s > 0.2
    now_ns = robot.advance(now_ns, 450_000_000)
    stopped, was_still = robot.tip_m, robot.stands_still
    robot.advance(now_ns, now_ns + 500_000_000)

    assert was_still
    assert robot.stands_still
    assert np.linalg.norm(robot.tip_m - stopped) < 0.001
    assert np.linalg.norm(robot.tip_m - (0.5, 0.1, 0.2)) > 0.05


def test_half_the_speed_takes_twice_the_time() -> None:
    robot = Robot(build_cell(3), 0.5)
    before = robot.data.time

    robot.advance(0, 1_000_000_000)

    assert robot.data.time - before == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("seed", range(4))
def test_a_cell_leaves_room_for_the_fingers_around_the_thing_to_pick(seed: int) -> None:
    robot = Robot(build_cell(seed), 1.0)
    target, *others = robot.cell.objects

    assert len({one.phrase for one in robot.cell.objects}) == len(robot.cell.objects)
    for other in others:
        apart = np.linalg.norm((robot.place_of(other.name) - robot.place_of(target.name))[:2])
        assert apart > FINGERS_M + other.radius_m - 0.005
