"""Matroska: where the segment of a file ends, by its head, so that a file that was cut off is known by its size."""

from __future__ import annotations

from pathlib import Path

_HEADER, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"  # RFC 8794, RFC 9559
_LONGEST_HEAD = 4096


def segment_end(path: Path) -> int | None:
    """How many bytes a whole file has at least; None where it does not say, as one that was written live.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEAD)
    header = _size(head, len(_HEADER)) if head.startswith(_HEADER) else None
    if header is None:
        return None
    at = sum(header)
    segment = _size(head, at + len(_SEGMENT)) if head[at:].startswith(_SEGMENT) else None
    return None if segment is None else sum(segment)


def _size(head: bytes, at: int) -> tuple[int, int] | None:
    """Where an element's content begins, and how long it is; None if that is not known (all bits 1) or not there."""
    if at >= len(head) or head[at] == 0:
        return None
    length = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + length]) & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else (at + length, value)
