"""DDS types: ROS 2 messages as the types of the library cyclonedds, made from ROS's own definitions."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cyclonedds.idl import IdlStruct, make_idl_struct, types
from rosbags.interfaces import Nodetype

from .ros_definitions import cdr_bytes, type_store
from .ros_messages import RosMessage

_PLAIN: Mapping[str, Any] = {
    "bool": bool,
    "byte": types.uint8,
    "octet": types.uint8,
    "uint8": types.uint8,
    "int32": types.int32,
    "uint32": types.uint32,
    "float32": types.float32,
    "float64": types.float64,
    "string": str,
}


@cache
def dds_type(ros_type: str) -> type[IdlStruct]:
    """The DDS type of a ROS type such as std_msgs/msg/String, under the name that ROS 2 gives it."""
    package, _, name = ros_type.split("/")
    _, members = type_store().fielddefs[ros_type]
    return make_idl_struct(name, f"{package}.msg.dds_.{name}_", {key: _member(value) for key, value in members})


def dds_sample(message: RosMessage) -> IdlStruct:
    """A message as a sample of its DDS type, with its bytes made already."""
    made: Any = object.__new__(dds_type(message.ROS_TYPE))
    body = cdr_bytes(message)

    def serialize(**_: object) -> bytes:
        return body

    made.serialize = serialize
    return made


def _member(definition: Any) -> Any:
    kind, detail = definition
    match kind:
        case Nodetype.BASE:
            return _PLAIN[detail[0]]
        case Nodetype.NAME:
            return dds_type(detail)
        case Nodetype.ARRAY:
            return types.array[_member(detail[0]), detail[1]]
        case _:
            return types.sequence[_member(detail[0])]
