"""JPEG scans: passes over the whole picture, limited in number because a few bytes can demand thousands."""

from __future__ import annotations

import re

MAX_SCANS = 32
"""Encoders write 1 to about 13. At 40 megapixels each takes a decoder about 0.1 s."""

_MAX_MARKERS = 4000  # profiles and previews come in pieces of 64 KiB
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in coded data these bytes follow an 0xff that is no marker
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_SEARCHED_AT_ONCE = 2**20  # bytes; in between other threads can run


def has_too_many_scans(jpeg: bytes | memoryview) -> bool:
    """Whether a JPEG has more than `MAX_SCANS`; previews in its metadata and data after its end do not count."""
    body = memoryview(jpeg)
    scans, offset = 0, 0
    for _ in range(_MAX_MARKERS):
        offset = _after_marker(body, offset)
        marker = body[offset - 1] if offset else _EOI
        if marker == _EOI:
            return False
        scans += marker == _SOS
        if scans > MAX_SCANS:
            return True
        if marker != _SOI:
            offset += int.from_bytes(body[offset : offset + 2], "big")
    return True


def _after_marker(body: memoryview, offset: int) -> int:
    """The offset after the next marker; 0 where there is none."""
    while offset < len(body):
        if found := _MARKER.search(body, offset, offset + _SEARCHED_AT_ONCE):
            return found.end()
        offset += _SEARCHED_AT_ONCE - 1
    return 0
