"""NAL units as RTP packets, and what a camera says of its clock (RFC 3550, 6184 and 7798)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .encoded_clips import Codec

CLOCK_HZ = 90_000
SSRC = 0x30A98EE7

_NTP_FROM_UNIX_S = 2_208_988_800
_MAX_PAYLOAD_BYTES = 1400
_BEGINS, _ENDS = 0x80, 0x40
_FU_A, _FU = 28, 49


def packets(picture: list[bytes], codec: Codec, sequence: int, stamp: int) -> list[bytes]:
    """One picture as RTP packets, the last of them marked; numbers beyond their bits wrap around."""
    payloads = [payload for unit in picture for payload in _payloads(unit, codec)]
    found: list[bytes] = []
    for place, payload in enumerate(payloads):
        marker = 0x80 if place == len(payloads) - 1 else 0
        header = struct.pack(">BBHII", 0x80, 96 | marker, (sequence + place) & 0xFFFF, stamp & 0xFFFFFFFF, SSRC)
        found.append(header + payload)
    return found


def sender_report(unix_ns: int, stamp: int, count: int) -> bytes:
    """An RTCP packet that says which wall time the time stamp stands for."""
    seconds, rest_ns = divmod(unix_ns, 1_000_000_000)
    fraction = (rest_ns << 32) // 1_000_000_000
    ntp_s = (seconds + _NTP_FROM_UNIX_S) & 0xFFFFFFFF
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, SSRC, ntp_s, fraction, stamp & 0xFFFFFFFF, count, 0)


def _payloads(unit: bytes, codec: Codec) -> Iterator[bytes]:
    """A NAL unit whole, or in fragments: FU-A (RFC 6184, 5.8) or FU (RFC 7798, 4.4.3)."""
    if len(unit) <= _MAX_PAYLOAD_BYTES:
        yield unit
        return
    if codec == "h264":
        header, kind, body = bytes([unit[0] & 0xE0 | _FU_A]), unit[0] & 31, unit[1:]
    else:
        header, kind, body = bytes([unit[0] & 0x81 | _FU << 1, unit[1]]), unit[0] >> 1 & 63, unit[2:]
    for start in range(0, len(body), _MAX_PAYLOAD_BYTES):
        piece = body[start : start + _MAX_PAYLOAD_BYTES]
        flags = (_BEGINS if start == 0 else 0) | (_ENDS if start + len(piece) == len(body) else 0)
        yield header + bytes([flags | kind]) + piece
