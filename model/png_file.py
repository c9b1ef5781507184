"""What the chunks of a PNG say without its pixels being decoded: its orientation."""

from __future__ import annotations

import os
import struct
from typing import IO

from .jpeg_file import orientation_in_exif
from .orientation import UPRIGHT

_SIGNATURE_BYTES, _CHECKSUM_BYTES = 8, 4
_MAX_CHUNKS = 100_000


def png_orientation(file: IO[bytes]) -> int:
    """The orientation by a PNG's eXIf chunk, wherever it stands; upright where there is none.

    Args:
        file: at any place, at which it is left.
    """
    place = file.tell()
    file.seek(_SIGNATURE_BYTES)
    try:
        for _ in range(_MAX_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head)
            if kind == b"eXIf":
                return orientation_in_exif(b"Exif\x00\x00" + file.read(length))
            file.seek(length + _CHECKSUM_BYTES, os.SEEK_CUR)
    finally:
        file.seek(place)
    return UPRIGHT
