"""PNG chunks: orientation and transfer curve, read without decoding the pixels."""

from __future__ import annotations

import os
import struct
from typing import IO

from .jpeg_file import orientation_in_exif
from .orientation import UPRIGHT

_SIGNATURE_BYTES, _CHECKSUM_BYTES = 8, 4
_MAX_CHUNKS = 100_000


def png_orientation(file: IO[bytes]) -> int:
    """The orientation in a PNG's eXIf chunk; upright if there is none.

    Args:
        file: at any place, at which it is left.
    """
    exif = _chunk(file, b"eXIf")
    return UPRIGHT if exif is None else orientation_in_exif(b"Exif\x00\x00" + exif)


def png_transfer(file: IO[bytes]) -> int | None:
    """The transfer curve in a PNG's cICP chunk, a number of ITU-T H.273; None if there is none.

    Args:
        file: at any place, at which it is left.
    """
    codes = _chunk(file, b"cICP")
    return codes[1] if codes and len(codes) == 4 else None


def _chunk(file: IO[bytes], name: bytes) -> bytes | None:
    """The content of the first chunk with this name."""
    offset = file.tell()
    file.seek(_SIGNATURE_BYTES)
    try:
        for _ in range(_MAX_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head)
            if kind == name:
                return file.read(length)
            file.seek(length + _CHECKSUM_BYTES, os.SEEK_CUR)
    finally:
        file.seek(offset)
    return None
