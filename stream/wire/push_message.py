"""Push message: a picture that a program sends, as a header map in msgpack and the picture's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .jpeg_scans import MAX_SCANS, has_too_many_scans
from .message_fields import Fields
from .message_identity import check_schema
from .packing import pack, unpack
from .push_sensor import DepthHeader, depth_map, read_depth
from .topics import MAJOR, MAX_FRAME_ID_LENGTH, MessageError

Encoding = Literal["jpeg", "rgb8", "bgr8", "mono8"]

MAX_PICTURE_BYTES = 64 * 2**20
"""Bytes of one picture as it is sent."""

MAX_PIXELS = 40_000_000
"""Pixels of a picture, also of a JPEG, which may state far more than its bytes hold."""

_CHANNELS: dict[Encoding, int] = {"rgb8": 3, "bgr8": 3, "mono8": 1}
_ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
_MAX_HEADER_BYTES = 4096
_MAX_MARKERS = 1000  # before a JPEG's size; profiles and previews come in pieces of 64 KiB
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})


@dataclass(frozen=True, slots=True)
class PushHeader:
    """What a program sends about its picture.

    Args:
        encoding: jpeg, or rows from the top without gaps: red, green and blue; blue, green and red; or grey.
        width, height: px.
        captured_unix_ns: when it was taken, by the program's clock; None where that is unknown.
        pts: when it was taken on a clock of its own, in ns; only differences count.
        frame_id: the camera's coordinate frame.
        depth: the depth picture that comes with it, whose bytes are the third part.
    """

    encoding: Encoding
    width: int
    height: int
    captured_unix_ns: int | None = None
    pts: int | None = None
    frame_id: str | None = None
    depth: DepthHeader | None = None


def pack_push(header: PushHeader) -> bytes:
    """The first part of the message; the picture's bytes are the second, those of its depth picture the third."""
    values: dict[str, object] = {"schema": [MAJOR, 0 if header.depth is None else 1], "encoding": header.encoding}
    values |= {"width": header.width, "height": header.height}
    if header.depth is not None:
        values["depth"] = depth_map(header.depth)
    optional = {name: getattr(header, name) for name in ("captured_unix_ns", "pts", "frame_id")}
    return pack(values | {name: value for name, value in optional.items() if value is not None})


def parse_push(parts: Sequence[bytes]) -> PushHeader:
    """The header of a message whose picture has the stated size.

    Raises:
        MessageError: another message; the text says what is wrong.
    """
    if len(parts) not in (2, 3) or len(parts[0]) > _MAX_HEADER_BYTES:
        raise MessageError(
            "a pushed picture has two parts, a small header map and the picture's bytes, and a third with its depth"
        )
    fields, body = Fields(unpack(parts[0])), parts[1]
    check_schema(fields)
    encoding: Encoding = fields.word("encoding", _ENCODINGS)
    if encoding == "jpeg":
        width, height = jpeg_size(body)
        if has_too_many_scans(body):
            raise MessageError(f"the JPEG has more than {MAX_SCANS} scans: encode it with fewer, or not progressively")
    else:
        width, height = fields.integer("width", 1), fields.integer("height", 1)
    if width * height > MAX_PIXELS:
        raise MessageError(f"the picture has {width} x {height} px: at most {MAX_PIXELS} are read")
    if encoding != "jpeg" and width * height * _CHANNELS[encoding] != len(body):
        raise MessageError(f"{width} x {height} px of {encoding} are not {len(body)} bytes")
    has_depth = "depth" in fields.names()
    if has_depth != (len(parts) == 3):
        raise MessageError("a pushed picture has two parts, and a third part exactly where its header has `depth`")
    frame_id = fields.maybe(fields.text, "frame_id")
    if frame_id is not None and len(frame_id) > MAX_FRAME_ID_LENGTH:
        raise MessageError(f"frame_id is longer than {MAX_FRAME_ID_LENGTH} characters")
    return PushHeader(
        encoding,
        width,
        height,
        captured_unix_ns=fields.maybe(fields.integer, "captured_unix_ns"),
        pts=fields.maybe(fields.integer, "pts"),
        frame_id=frame_id,
        depth=read_depth(fields.fields("depth"), len(parts[2])) if has_depth else None,
    )


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height as a JPEG's own header states them (ITU-T T.81, annex B), without decoding it.

    Raises:
        MessageError: not a JPEG.
    """
    offset = 2 if jpeg[:2] == b"\xff\xd8" else len(jpeg)
    for _ in range(_MAX_MARKERS):
        if offset + 9 > len(jpeg) or jpeg[offset] != 0xFF:
            break
        marker, length = jpeg[offset + 1], int.from_bytes(jpeg[offset + 2 : offset + 4], "big")
        if marker in _WITHOUT_LENGTH:  # no encoder writes one here, and a decoder may find another size after it
            break
        if marker == 0xFF:  # padding
            offset += 1
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            width, height = (int.from_bytes(jpeg[offset + at : offset + at + 2], "big") for at in (7, 5))
            if width and height:
                return width, height
            break
        else:
            offset += 2 + length
    raise MessageError("the picture is no JPEG that states its size")
