"""What the bytes of a JPEG say before it is decoded: its size, its orientation, whether its end is there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .orientation import UPRIGHT

_START, _END = b"\xff\xd8", b"\xff\xd9"
_SCAN, _APP1 = 0xDA, 0xE1
_NO_SIZES = frozenset({0xC4, 0xC8, 0xCC})  # among the markers 0xC0 to 0xCF that begin a picture
_MAX_SEGMENTS = 1000  # before the pixels; profiles and previews come in pieces of 64 KiB
_EXIF = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What stands before the pixels (ITU-T T.81, annex B).

    Args:
        width, height: px as stored, before it is turned upright.
        channels: 1 is grey, 3 colour, 4 ink.
        orientation: by its EXIF, 1 to 8.
        is_whole: the marker of its end stands behind the pixels.
    """

    width: int
    height: int
    channels: int
    orientation: int
    is_whole: bool


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """What a JPEG says of itself; None where it states no size or has no pixels."""
    size: tuple[int, int, int] | None = None
    orientation = UPRIGHT
    for marker, begin, end in _segments(data):
        if marker == _SCAN:
            if size is None:
                return None
            is_whole = data[-2:] == _END or data.find(_END, end) >= 0  # what cameras add behind it does no harm
            return JpegHeader(*size, orientation, is_whole)
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZES and begin + 6 <= end:
            height, width, channels = struct.unpack_from(">HHB", data, begin + 1)
            size = (width, height, channels) if width and height else None
        elif marker == _APP1 and data[begin : begin + len(_EXIF)] == _EXIF:
            orientation = orientation_in_exif(data[begin:end])
    return None


def exif_orientation(data: bytes | memoryview) -> int:
    """A JPEG's orientation by its EXIF, 1 to 8; upright where it says none."""
    for marker, begin, end in _segments(data):
        if marker == _SCAN:
            break
        if marker == _APP1 and data[begin : begin + len(_EXIF)] == _EXIF:
            return orientation_in_exif(bytes(data[begin:end]))
    return UPRIGHT


def orientation_in_exif(exif: bytes) -> int:
    """The orientation in an EXIF block that begins with 'Exif', 1 to 8; upright where it says none that can be."""
    tiff = exif[len(_EXIF) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return UPRIGHT
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for place in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == _ORIENTATION_TAG:
                return value if kind == 3 and 1 <= value <= 8 else UPRIGHT
    except struct.error:  # cut off
        pass
    return UPRIGHT


def _segments(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """(marker, where its bytes begin, where they end) of what stands before the pixels, that of the pixels last."""
    place = 2 if data[:2] == _START else len(data)
    for _ in range(_MAX_SEGMENTS):
        while data[place : place + 2] == b"\xff\xff":  # padding
            place += 1
        if place + 4 > len(data) or data[place] != 0xFF:
            return
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, place + 4, place + 2 + length
        if marker == _SCAN or length < 2:
            return
        place += 2 + length
