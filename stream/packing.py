"""A map to msgpack bytes, and back within limits."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from .topics import MessageError

LARGEST_BODY = 8 * 2**20
LONGEST_LIST = 4096


def pack(values: Mapping[str, object]) -> bytes:
    """The map as bytes.

    Raises:
        MessageError: a value that msgpack has no form for, or more than `LARGEST_BODY` bytes.
    """
    try:
        body = msgpack.packb(values, use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"the message cannot be packed: {error}") from error
    assert isinstance(body, bytes)
    if len(body) > LARGEST_BODY:
        raise MessageError(f"the message has {len(body)} bytes: at most {LARGEST_BODY} may travel")
    return body


def unpack(body: bytes) -> object:
    """What the bytes hold, whoever sent them.

    Raises:
        MessageError: not one whole msgpack value, or one beyond the limits.
    """
    if len(body) > LARGEST_BODY:
        raise MessageError(f"the message has {len(body)} bytes: at most {LARGEST_BODY} are read")
    try:
        # The list limit keeps a few forged bytes from reserving memory for lists that never come.
        return msgpack.unpackb(body, raw=False, strict_map_key=True, max_array_len=LONGEST_LIST, max_ext_len=0)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise MessageError(f"the message is not one whole msgpack value: {error}") from error
