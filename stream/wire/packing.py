"""Packing: values to msgpack bytes, and back within limits."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgpack

from .topics import MessageError

MAX_BODY_BYTES = 8 * 2**20
MAX_LIST_LENGTH = 4096


def pack(values: Mapping[str, object]) -> bytes:
    """The map as bytes.

    Raises:
        MessageError: a value that msgpack has no form for, or more than `MAX_BODY_BYTES` bytes.
    """
    try:
        body = msgpack.packb(values, use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"the message cannot be packed: {error}") from error
    assert isinstance(body, bytes)
    if len(body) > MAX_BODY_BYTES:
        raise MessageError(f"the message has {len(body)} bytes: at most {MAX_BODY_BYTES} may be sent")
    return body


def unpack(body: bytes) -> object:
    """The value in bytes that may come from any sender.

    Raises:
        MessageError: not one whole msgpack value, or one beyond the limits.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MessageError(f"the message has {len(body)} bytes: at most {MAX_BODY_BYTES} are read")
    try:
        # Without a limit a few forged bytes could reserve memory for long lists.
        return msgpack.unpackb(
            body,
            raw=False,
            strict_map_key=True,
            max_array_len=MAX_LIST_LENGTH,
            max_map_len=MAX_LIST_LENGTH,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise MessageError(f"the message is not one whole msgpack value: {error}") from error


def pack_parts(parts: Sequence[bytes]) -> bytes:
    """Several byte strings as one."""
    return msgpack.packb(list(parts), use_bin_type=True) or b""


def unpack_parts(body: bytes, count: int) -> tuple[bytes, ...]:
    """The byte strings that `pack_parts` packed.

    Raises:
        MessageError: not a list of `count` byte strings.
    """
    try:
        parts: object = msgpack.unpackb(body, raw=False, max_array_len=count, max_map_len=0, max_ext_len=0)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise MessageError(f"the parts are not a msgpack list: {error}") from error
    if not isinstance(parts, list):
        raise MessageError(f"the parts must be a list, but are {type(parts).__name__}")
    found = [part for part in parts if isinstance(part, bytes)]
    if len(found) != count or len(parts) != count:
        raise MessageError(f"the parts must be {count} byte strings")
    return tuple(found)
