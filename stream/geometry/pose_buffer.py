"""Pose buffer: a moving camera's poses with their stamps, and the pose at a picture's capture time."""

from __future__ import annotations

import bisect
import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..geometry_options import PoseOptions
from .rigid_transform import RigidTransform, Vector

_MAX_POSES = 20_000
_BELIEVED_WITHIN_NS = 2_000_000_000  # as for pictures
_CLOCK_WAS_SET_NS = 500_000_000
_COMING_WITHIN_NS = 250_000_000  # a newest pose that is older says that no poses come

Missing = Literal["no_pose", "stale_pose", "no_capture_time"]


@dataclass(frozen=True, slots=True)
class CaptureMoment:
    """When a picture was taken.

    Args:
        monotonic_ns: on this computer's monotonic clock.
        sender_unix_ns: on the clock of the program that sent it with a stamp that is believed; None else.
        error_ms: how far off `monotonic_ns` may be.
    """

    monotonic_ns: int
    sender_unix_ns: int | None
    error_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class PoseAt:
    """A pose at a moment.

    Args:
        pose: interpolated.
        gap_ms: from the moment to the nearest pose that was received.
        velocity_m_s, turn_rad_s: (3,) how the pose changes, in the outer frame.
        same_clock: whether one clock stamped the picture and the poses.
    """

    pose: RigidTransform
    gap_ms: float
    velocity_m_s: Vector
    turn_rad_s: Vector
    same_clock: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Stamped:
    sender_ns: int
    monotonic_ns: int
    pose: RigidTransform


class PoseBuffer:
    """Keeps the poses of the last seconds. Any thread adds, any thread asks.

    A pose is interpolated between its two neighbours (slerp), never taken from the newest. Stamps are compared on the
    sender's own clock where one program stamped picture and pose; else both on this computer's monotonic clock.

    Attributes:
        warning: why the last pose was not kept; None where it was.

    Args:
        options: how long poses are kept, and how far apart they may be.
    """

    def __init__(self, options: PoseOptions) -> None:
        self.warning: str | None = None
        self._options = options
        self._poses: deque[_Stamped] = deque(maxlen=_MAX_POSES)
        self._lock = threading.Lock()

    def add(self, pose: RigidTransform, sender_ns: int, received_ns: int, unix_from_monotonic_ns: int) -> bool:
        """Keep a pose.

        Args:
            pose: `base_from_flange`.
            sender_ns: when it was measured, unix ns of the sender's clock.
            received_ns: when it arrived, monotonic.
            unix_from_monotonic_ns: what to add to a monotonic time to get a unix time, on this computer now.

        Returns:
            False where its stamp cannot be believed or is no later than the one before.
        """
        at_ns = sender_ns - unix_from_monotonic_ns
        if abs(received_ns - at_ns) > _BELIEVED_WITHIN_NS:
            off_s = (received_ns - at_ns) / 1e9
            side = "behind" if off_s > 0 else "ahead of"
            self.warning = (
                f"a pose's stamp is {abs(off_s):.1f} s {side} this computer's clock, so it is not used: let both"
                " follow the same time server"
            )
            return False
        with self._lock:
            if self._poses:
                last = self._poses[-1]
                was_set = abs((sender_ns - at_ns) - (last.sender_ns - last.monotonic_ns)) > _CLOCK_WAS_SET_NS
                if was_set or last.sender_ns - sender_ns > _CLOCK_WAS_SET_NS:
                    self._poses.clear()  # a clock was set: earlier stamps mean other moments
                elif sender_ns <= last.sender_ns:
                    self.warning = "a pose's stamp is not later than the one before, so it is not used"
                    return False
            self._poses.append(_Stamped(sender_ns, at_ns, pose))
            oldest_ns = at_ns - int(self._options.keep_s * 1e9)
            while self._poses[0].monotonic_ns < oldest_ns:
                self._poses.popleft()
        self.warning = None
        return True

    def awaits(self, moment: CaptureMoment) -> bool:
        """Whether the pose after this moment has not arrived, but poses come."""
        with self._lock:
            if not self._poses:
                return False
            last = self._poses[-1]
        behind_ns = (
            moment.monotonic_ns - last.monotonic_ns
            if moment.sender_unix_ns is None
            else moment.sender_unix_ns - last.sender_ns
        )
        return self._options.max_extrapolation_ms * 1e6 < behind_ns <= _COMING_WITHIN_NS

    def at(self, moment: CaptureMoment) -> PoseAt | Missing:
        """The pose at a moment, or why there is none: no_pose or stale_pose."""
        same_clock = moment.sender_unix_ns is not None
        wanted_ns = moment.monotonic_ns if moment.sender_unix_ns is None else moment.sender_unix_ns
        with self._lock:
            poses = list(self._poses)
        if not poses:
            return "no_pose"
        stamps = [one.sender_ns if same_clock else one.monotonic_ns for one in poses]
        after = bisect.bisect_left(stamps, wanted_ns)
        if after < len(stamps) and stamps[after] == wanted_ns:
            return _between(poses, stamps, max(1, after), wanted_ns, same_clock, self._options.max_gap_ms)
        if after == 0:
            return "no_pose"
        if after == len(stamps):
            beyond_ms = (wanted_ns - stamps[-1]) / 1e6
            if beyond_ms > self._options.max_extrapolation_ms:
                return "stale_pose"
            after -= 1
        return _between(poses, stamps, max(1, after), wanted_ns, same_clock, self._options.max_gap_ms)


def _between(
    poses: list[_Stamped], stamps: list[int], after: int, wanted_ns: int, same_clock: bool, max_gap_ms: float
) -> PoseAt | Missing:
    """The pose by the two neighbours `after - 1` and `after`."""
    if after >= len(poses):  # a single pose, exactly then
        return PoseAt(poses[0].pose, 0.0, np.zeros(3), np.zeros(3), same_clock)
    first, second = poses[after - 1].pose, poses[after].pose
    span_ns = stamps[after] - stamps[after - 1]
    gap_ns = min(abs(wanted_ns - stamps[after - 1]), abs(wanted_ns - stamps[after]))
    if span_ns <= 0 or (span_ns > max_gap_ms * 1e6 and gap_ns > 0):
        return "stale_pose"
    share = (wanted_ns - stamps[after - 1]) / span_ns
    span_s = span_ns / 1e9
    between = second.rotation @ first.rotation.T
    turn = np.array([between[2, 1] - between[1, 2], between[0, 2] - between[2, 0], between[1, 0] - between[0, 1]]) / 2
    return PoseAt(
        first.interpolate(second, share),
        gap_ns / 1e6,
        (second.translation_m - first.translation_m) / span_s,
        turn / span_s,
        same_clock,
    )
