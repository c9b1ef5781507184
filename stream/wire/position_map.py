"""Positions on the wire: a track's position and the camera's pose as maps, and back."""

from __future__ import annotations

from ..position import CameraPose, Covariance, Position, Vector3
from .message_fields import Fields
from .topics import MessageError


def position_map(position: Position) -> dict[str, object]:
    """The map of a position; unknown values are absent."""
    values: dict[str, object] = {
        "frame": position.frame,
        "xyz_m": list(position.xyz_m),
        "covariance_m2": list(position.covariance_m2),
        "method": position.method,
    }
    if position.velocity_m_s is not None:
        values["velocity_m_s"] = list(position.velocity_m_s)
    if position.valid_share is not None:
        values["valid_share"] = position.valid_share
    if position.predicted_s is not None:
        values["predicted_s"] = position.predicted_s
    return values


def read_position(fields: Fields) -> Position:
    """The position in a map.

    Raises:
        MessageError: a missing key, a wrong type, or a variance below 0.
    """
    xx, xy, xz, yy, yz, zz = fields.numbers("covariance_m2", 6)
    if min(xx, yy, zz) < 0.0:
        raise MessageError("tracks[].position.covariance_m2 has a variance below 0")
    covariance: Covariance = (xx, xy, xz, yy, yz, zz)
    return Position(
        frame=fields.text("frame"),
        xyz_m=_vector(fields, "xyz_m"),
        covariance_m2=covariance,
        method=fields.text("method"),
        velocity_m_s=fields.maybe(lambda key: _vector(fields, key), "velocity_m_s"),
        valid_share=fields.maybe(lambda key: fields.number(key, minimum=0.0, maximum=1.0), "valid_share"),
        predicted_s=fields.maybe(lambda key: fields.number(key, minimum=0.0), "predicted_s"),
    )


def pose_map(pose: CameraPose) -> dict[str, object]:
    """The map of a camera's pose."""
    values: dict[str, object] = {
        "frame": pose.frame,
        "translation_m": list(pose.translation_m),
        "quaternion_xyzw": list(pose.quaternion_xyzw),
    }
    return values if pose.gap_ms is None else {**values, "gap_ms": pose.gap_ms}


def read_pose(fields: Fields) -> CameraPose:
    """The pose in a map.

    Raises:
        MessageError: a missing key, or a wrong type.
    """
    x, y, z, w = fields.numbers("quaternion_xyzw", 4)
    gap_ms = fields.maybe(lambda key: fields.number(key, minimum=0.0), "gap_ms")
    return CameraPose(fields.text("frame"), _vector(fields, "translation_m"), (x, y, z, w), gap_ms)


def _vector(fields: Fields, key: str) -> Vector3:
    x, y, z = fields.numbers(key, 3)
    return x, y, z
