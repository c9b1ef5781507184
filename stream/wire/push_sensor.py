"""Pushed poses and depth pictures: what a program sends beside its pictures, as maps in msgpack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..position import Vector3
from .message_fields import Fields
from .message_identity import check_schema
from .packing import pack, unpack
from .topics import MAJOR, MessageError

DepthType = Literal["uint16", "float32"]

MAX_DEPTH_PIXELS = 16_000_000
_MINOR = 1
_BYTES: dict[DepthType, int] = {"uint16": 2, "float32": 4}
_TYPES: tuple[DepthType, ...] = get_args(DepthType)
_MAX_HEADER_BYTES = 4096
_MIN_UNIT_M, _MAX_UNIT_M = 1e-6, 1e3


@dataclass(frozen=True, slots=True)
class DepthHeader:
    """A depth picture: rows from the top without gaps, little endian.

    Args:
        type: of each value; 0 and what is not finite mean that nothing was measured.
        width, height: px.
        unit_m: metres of a value of 1: 0.001 for millimetres.
    """

    type: DepthType
    width: int
    height: int
    unit_m: float


@dataclass(frozen=True, slots=True)
class PoseMessage:
    """Where the robot's flange is in its base: `base_from_flange`.

    Args:
        translation_m, quaternion_xyzw: the pose; the quaternion has the length 1.
        captured_unix_ns: when it was measured, by the same clock that stamps the pictures.
    """

    translation_m: Vector3
    quaternion_xyzw: tuple[float, float, float, float]
    captured_unix_ns: int


@dataclass(frozen=True, slots=True)
class DepthMessage:
    """A depth picture that is sent alone: its header, its bytes, and when it was taken."""

    header: DepthHeader
    body: bytes
    captured_unix_ns: int


def depth_map(header: DepthHeader) -> dict[str, object]:
    """The map of a depth picture's header."""
    return {"type": header.type, "width": header.width, "height": header.height, "unit_m": header.unit_m}


def pack_pose(pose: PoseMessage) -> bytes:
    """The message's only part."""
    inner = {"translation_m": list(pose.translation_m), "quaternion_xyzw": list(pose.quaternion_xyzw)}
    return pack({"schema": [MAJOR, _MINOR], "pose": inner, "captured_unix_ns": pose.captured_unix_ns})


def pack_depth(header: DepthHeader, captured_unix_ns: int) -> bytes:
    """The first part of a depth picture that is sent alone; its bytes are the second."""
    return pack({"schema": [MAJOR, _MINOR], "depth": depth_map(header), "captured_unix_ns": captured_unix_ns})


def parse_sensor(parts: Sequence[bytes]) -> PoseMessage | DepthMessage | None:
    """The pose or the depth picture in a message; None where it is a picture.

    Raises:
        MessageError: neither; the text says what is wrong.
    """
    if len(parts) not in (1, 2) or len(parts[0]) > _MAX_HEADER_BYTES:
        return None
    fields = Fields(unpack(parts[0]))
    if len(parts) == 2 and ("encoding" in fields.names() or "depth" not in fields.names()):
        return None
    check_schema(fields)
    captured_unix_ns = fields.integer("captured_unix_ns")
    if len(parts) == 2:
        header = read_depth(fields.fields("depth"), len(parts[1]))
        return DepthMessage(header, parts[1], captured_unix_ns)
    pose = fields.fields("pose")
    x, y, z = pose.numbers("translation_m", 3)
    qx, qy, qz, qw = pose.numbers("quaternion_xyzw", 4)
    return PoseMessage((x, y, z), (qx, qy, qz, qw), captured_unix_ns)


def read_depth(fields: Fields, byte_count: int) -> DepthHeader:
    """The header of a depth picture whose bytes have the stated size.

    Raises:
        MessageError: a value is wrong, or the sizes disagree.
    """
    kind: DepthType = fields.word("type", _TYPES)
    width, height = fields.integer("width", 1), fields.integer("height", 1)
    if width * height > MAX_DEPTH_PIXELS:
        raise MessageError(f"the depth picture has {width} x {height} px: at most {MAX_DEPTH_PIXELS} are read")
    if width * height * _BYTES[kind] != byte_count:
        raise MessageError(f"{width} x {height} px of {kind} are not {byte_count} bytes")
    unit_m = fields.number("unit_m")
    if not (math.isfinite(unit_m) and _MIN_UNIT_M <= unit_m <= _MAX_UNIT_M):
        raise MessageError(f"unit_m is {unit_m:g}: give metres of a value of 1, such as 0.001 for millimetres")
    return DepthHeader(kind, width, height, unit_m)
