"""The scans of a JPEG: passes over the whole picture, of which a few bytes each may ask a decoder for thousands."""

from __future__ import annotations

import re

MAX_SCANS = 32
"""Encoders write 1 to about 13. At 40 megapixels each takes a decoder about 0.1 s."""

_MAX_MARKERS = 4000  # profiles and previews come in pieces of 64 KiB
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in coded data these follow an 0xff that is no marker
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_SEARCHED_AT_ONCE = 2**20  # bytes; then other threads may have their turn


def has_too_many_scans(jpeg: bytes | memoryview) -> bool:
    """Whether a JPEG has more than `MAX_SCANS`; previews in its metadata and pictures behind its end do not count."""
    body = memoryview(jpeg)
    scans, place = 0, 0
    for _ in range(_MAX_MARKERS):
        place = _behind_marker(body, place)
        marker = body[place - 1] if place else _EOI
        if marker == _EOI:
            return False
        scans += marker == _SOS
        if scans > MAX_SCANS:
            return True
        if marker != _SOI:
            place += int.from_bytes(body[place : place + 2], "big")
    return True


def _behind_marker(body: memoryview, place: int) -> int:
    """Where the next marker ends; 0 where there is none."""
    while place < len(body):
        if found := _MARKER.search(body, place, place + _SEARCHED_AT_ONCE):
            return found.end()
        place += _SEARCHED_AT_ONCE - 1
    return 0
