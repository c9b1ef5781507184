"""Sensor inbox: poses and depth pictures of one source, as they arrive beside its pictures."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from ..depth_image import DepthImage
from ..geometry_options import GeometryOptions
from .pose_buffer import CaptureMoment, PoseBuffer
from .rigid_transform import RigidTransform, TransformError

_MAX_DEPTH_PICTURES = 32


@dataclass(frozen=True, slots=True, eq=False)
class _StampedDepth:
    sender_ns: int
    monotonic_ns: int
    depth: DepthImage


class Sensors:
    """What arrives beside the pictures of one source. The reader's thread adds, the node's loop asks.

    Attributes:
        poses: of the flange that carries the camera.
        refused: poses and depth pictures that could not be used, since the start.

    Args:
        options: the source's geometry.
    """

    def __init__(self, options: GeometryOptions) -> None:
        self.refused = 0
        self.poses = PoseBuffer(options.poses)
        self._pose_warning: str | None = None
        self._depth_warning: str | None = None
        self._max_skew_ms = options.depth.max_skew_ms if options.depth else 0.0
        self._depths: deque[_StampedDepth] = deque(maxlen=_MAX_DEPTH_PICTURES)
        self._lock = threading.Lock()

    @property
    def warning(self) -> str | None:
        """What is wrong with the last pose, or with the pairing of depth; None where nothing is."""
        return self._pose_warning or self.poses.warning or self._depth_warning

    def add_pose(
        self,
        translation_m: object,
        quaternion_xyzw: object,
        sender_ns: int,
        received_ns: int,
        unix_from_monotonic_ns: int,
    ) -> None:
        """Keep a pose of the flange, or count it as refused where it is none."""
        try:
            pose = RigidTransform.from_quaternion(translation_m, quaternion_xyzw)
        except TransformError as error:
            self._pose_warning = f"a pose that a program sent cannot be used: {error}"
            self.refused += 1
            return
        self._pose_warning = None
        self.refused += not self.poses.add(pose, sender_ns, received_ns, unix_from_monotonic_ns)

    def add_depth(self, depth: DepthImage, sender_ns: int, unix_from_monotonic_ns: int) -> None:
        """Keep a depth picture that was sent alone."""
        with self._lock:
            self._depths.append(_StampedDepth(sender_ns, sender_ns - unix_from_monotonic_ns, depth))

    def depth_at(self, moment: CaptureMoment) -> DepthImage | None:
        """The depth picture that is nearest to a moment, if it is near enough, and the moment is known so well."""
        with self._lock:
            depths = list(self._depths)
        self._depth_warning = None
        if depths and moment.sender_unix_ns is None and moment.error_ms > self._max_skew_ms:
            self._depth_warning = (
                f"depth cannot be paired with pictures whose capture time is known to within {moment.error_ms:.0f} ms "
                f"only: that is more than depth.max_skew_ms={self._max_skew_ms:g}"
            )
            return None
        best, best_ns = None, self._max_skew_ms * 1e6
        for one in depths:
            if moment.sender_unix_ns is None:
                skew_ns = abs(one.monotonic_ns - moment.monotonic_ns)
            else:
                skew_ns = abs(one.sender_ns - moment.sender_unix_ns)
            if skew_ns <= best_ns:
                best, best_ns = one.depth, skew_ns
        return best
