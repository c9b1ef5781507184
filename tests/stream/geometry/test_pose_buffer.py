"""The pose at a capture time is interpolated between its neighbours, and refused by name where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.geometry.pose_buffer import CaptureMoment, PoseAt, PoseBuffer
from groundcast.stream.geometry.rigid_transform import RigidTransform
from groundcast.stream.geometry_options import PoseOptions

MS = 1_000_000
SECOND = 1000 * MS
UNIX_NS = 1_790_000_000 * SECOND  # of the monotonic clock's 0


def at_x(x: float) -> RigidTransform:
    return RigidTransform(np.eye(3), np.array([x, 0.0, 0.0]))


def filled(options: PoseOptions | None = None, ahead_ns: int = 0, late_ns: int = 40 * MS) -> PoseBuffer:
    """Poses of the seconds 10 to 11 at 125 Hz, of a camera that moves at 0.3 m/s; they arrive late."""
    buffer = PoseBuffer(options or PoseOptions())
    for step in range(126):
        at_ns = 10 * SECOND + step * 8 * MS
        assert buffer.add(at_x(0.3 * step * 0.008), UNIX_NS + at_ns + ahead_ns, at_ns + late_ns, UNIX_NS)
    return buffer


def moment(at_s: float, *, sender: bool = False, ahead_ns: int = 0) -> CaptureMoment:
    at_ns = int(at_s * SECOND)
    return CaptureMoment(at_ns, UNIX_NS + at_ns + ahead_ns if sender else None, 20.0)


@pytest.mark.parametrize("sender", [False, True])
def test_a_pose_is_interpolated_at_the_capture_time(sender: bool) -> None:
    found = filled().at(moment(10.5021, sender=sender))
    assert isinstance(found, PoseAt)
    assert found.pose.translation_m[0] == pytest.approx(0.3 * 0.5021, abs=1e-9)
    assert found.velocity_m_s[0] == pytest.approx(0.3)
    assert found.gap_ms == pytest.approx(1.9, abs=0.01)
    assert found.same_clock is sender


def test_a_senders_clock_that_is_ahead_changes_nothing_between_its_own_stamps() -> None:
    ahead_ns = 700 * MS
    found = filled(ahead_ns=ahead_ns).at(moment(10.25, sender=True, ahead_ns=ahead_ns))
    assert isinstance(found, PoseAt)
    assert found.pose.translation_m[0] == pytest.approx(0.3 * 0.25)


def test_turns_are_interpolated_with_their_rate() -> None:
    buffer = PoseBuffer(PoseOptions())
    for step in range(3):
        turn = RigidTransform.from_quaternion((0, 0, 0), (0, 0, np.sin(0.002 * step), np.cos(0.002 * step)))
        buffer.add(turn, UNIX_NS + step * 8 * MS, step * 8 * MS, UNIX_NS)
    found = buffer.at(moment(0.012))
    assert isinstance(found, PoseAt)
    assert found.pose.angle_to(RigidTransform.identity()) == pytest.approx(0.006)
    assert found.turn_rad_s[2] == pytest.approx(0.5, rel=1e-4)


def test_the_newest_pose_never_stands_for_a_later_picture() -> None:
    assert filled().at(moment(11.01)) == "stale_pose"
    assert filled(PoseOptions(max_extrapolation_ms=5)).at(moment(11.01)) == "stale_pose"
    found = filled(PoseOptions(max_extrapolation_ms=20)).at(moment(11.01))
    assert isinstance(found, PoseAt)
    assert found.pose.translation_m[0] == pytest.approx(0.303)


def test_a_picture_before_all_poses_or_without_any_has_none() -> None:
    assert filled().at(moment(9.9)) == "no_pose"
    assert PoseBuffer(PoseOptions()).at(moment(10.0)) == "no_pose"


def test_poses_that_are_far_apart_are_not_interpolated() -> None:
    buffer = PoseBuffer(PoseOptions(max_gap_ms=100))
    for at_ns in (0, 150 * MS):
        buffer.add(at_x(1.0), UNIX_NS + at_ns, at_ns, UNIX_NS)
    assert buffer.at(moment(0.05)) == "stale_pose"
    assert isinstance(buffer.at(moment(0.15)), PoseAt)  # exactly then there is one


def test_only_the_last_seconds_are_kept() -> None:
    assert filled(PoseOptions(keep_s=0.5)).at(moment(10.4)) == "no_pose"


def test_a_stamp_that_arrival_contradicts_is_not_believed() -> None:
    buffer = PoseBuffer(PoseOptions())
    assert not buffer.add(at_x(0), UNIX_NS, 3 * SECOND, UNIX_NS)
    assert "3.0 s behind this computer's clock" in (buffer.warning or "")
    assert not buffer.add(at_x(0), UNIX_NS + 5 * SECOND, 0, UNIX_NS)
    assert "ahead of" in (buffer.warning or "")
    assert buffer.at(moment(0.0)) == "no_pose"


def test_poses_from_before_a_clock_was_set_are_forgotten() -> None:
    buffer = filled()
    assert buffer.add(at_x(9.0), UNIX_NS + 11 * SECOND - 900 * MS, 11 * SECOND + 50 * MS, UNIX_NS)
    assert buffer.at(moment(10.5, sender=True)) == "stale_pose"


def test_a_pose_that_is_not_later_is_left_out() -> None:
    buffer = filled()
    assert not buffer.add(at_x(5.0), UNIX_NS + 11 * SECOND, 11 * SECOND + 50 * MS, UNIX_NS)
    assert "not later" in (buffer.warning or "")


def test_a_pose_is_awaited_only_while_poses_come() -> None:
    buffer = filled()
    assert buffer.awaits(moment(11.02))
    assert not buffer.awaits(moment(10.5))
    assert not buffer.awaits(moment(12.0))
    assert not PoseBuffer(PoseOptions()).awaits(moment(10.0))
