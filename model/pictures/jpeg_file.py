"""JPEG headers: size, orientation and whether the end is present, read without decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .orientation import UPRIGHT

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _APP1 = 0xDA, 0xE1
_NO_SIZES = frozenset({0xC4, 0xC8, 0xCC})  # not start-of-frame markers, unlike the others of 0xC0 to 0xCF
_MAX_SEGMENTS = 1000  # before the pixels; profiles and previews are split into 64 KiB segments
_EXIF = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The header before the pixels (ITU-T T.81, annex B).

    Args:
        width, height: px as stored, before the orientation is applied.
        channels: 1 is grey, 3 colour, 4 ink.
        orientation: EXIF's, 1 to 8.
        is_whole: the end marker follows the pixels.
    """

    width: int
    height: int
    channels: int
    orientation: int
    is_whole: bool


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """A JPEG's header; None if it has no size or no pixels."""
    size: tuple[int, int, int] | None = None
    orientation = UPRIGHT
    for marker, begin, end in _segments(data):
        if marker == _SCAN:
            if size is None:
                return None
            is_whole = data[-2:] == _END or data.find(_END, end) >= 0  # cameras may append data after it
            return JpegHeader(*size, orientation, is_whole)
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZES and begin + 6 <= end:
            height, width, channels = struct.unpack_from(">HHB", data, begin + 1)
            size = (width, height, channels) if width and height else None
        elif marker == _APP1 and data[begin : begin + len(_EXIF)] == _EXIF:
            orientation = orientation_in_exif(data[begin:end])
    return None


def end_of_pixels(data: bytes) -> int:
    """Where the end marker that follows a JPEG's pixels begins; -1 without one."""
    for marker, _, end in _segments(data):
        if marker == _SCAN:
            return data.find(_END, end)
    return -1


def exif_orientation(data: bytes | memoryview) -> int:
    """A JPEG's EXIF orientation, 1 to 8; upright if it has none."""
    for marker, begin, end in _segments(data):
        if marker == _SCAN:
            break
        if marker == _APP1 and data[begin : begin + len(_EXIF)] == _EXIF:
            return orientation_in_exif(bytes(data[begin:end]))
    return UPRIGHT


def orientation_in_exif(exif: bytes) -> int:
    """The orientation in an EXIF block that begins with 'Exif', 1 to 8; upright if it is missing or invalid."""
    tiff = exif[len(_EXIF) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return UPRIGHT
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for offset in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, offset)
            if tag == _ORIENTATION_TAG:
                return value if kind == 3 and 1 <= value <= 8 else UPRIGHT
    except struct.error:  # cut off
        pass
    return UPRIGHT


def _segments(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end of its bytes) of each segment up to the pixels, the pixels' own last."""
    offset = 2 if data[:2] == _START else len(data)
    for _ in range(_MAX_SEGMENTS):
        while data[offset : offset + 2] == b"\xff\xff":  # padding
            offset += 1
        if offset + 4 > len(data) or data[offset] != 0xFF:
            return
        marker, length = data[offset + 1], int.from_bytes(data[offset + 2 : offset + 4], "big")
        yield marker, offset + 4, offset + 2 + length
        if marker == _SCAN or length < 2:
            return
        offset += 2 + length
