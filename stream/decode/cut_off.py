"""Truncation check: whether a video file was cut off, by the sizes that its container states."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO

_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"  # RFC 8794, RFC 9559
_MAX_HEAD_BYTES = 4096
_TAIL_BYTES = 1024
_RIFF_BYTES = 12
_LIST = struct.Struct("<4sI4s")
_ATOM = struct.Struct(">I4sQ")  # ISO/IEC 14496-12; the last is there where the first is 1
_MIN_ATOM_BYTES = 8
_FIRST_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def is_cut_off(path: Path) -> bool | None:
    """Whether the end of a Matroska file, or pictures of an AVI or MP4 file, are missing.

    A Matroska file whose end is zeros was copied in part into space that was reserved for the whole; in others, zeros
    may be silence.

    Returns:
        None where the file states no size, as one that was written live.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(_MAX_HEAD_BYTES)
        end = _promised_end(head, file, size)
        if end is None or size < end or not head.startswith(_MATROSKA):
            return None if end is None else size < end
        file.seek(max(0, size - _TAIL_BYTES))
        return not any(file.read())


def _promised_end(head: bytes, file: IO[bytes], size: int) -> int | None:
    """The end of the video data in the whole file, in bytes."""
    if head.startswith(_MATROSKA):
        return _segment_end(head)
    if head.startswith(b"RIFF") and head[8:_RIFF_BYTES] == b"AVI ":
        return _movi_end(file, size)
    return _mdat_end(file, size) if head[4:8] in _FIRST_ATOMS else None


def _segment_end(head: bytes) -> int | None:
    header = _element(head, len(_MATROSKA))
    if header is None:
        return None
    at = sum(header)
    segment = _element(head, at + len(_SEGMENT)) if head[at:].startswith(_SEGMENT) else None
    return None if segment is None else sum(segment)


def _element(head: bytes, at: int) -> tuple[int, int] | None:
    """Where an element's content begins, and how long it is; None if that is not known (all bits 1) or not there."""
    if at >= len(head) or head[at] == 0:
        return None
    length = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + length]) & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else (at + length, value)


def _movi_end(file: IO[bytes], size: int) -> int | None:
    """The end of the list with the pictures of an AVI; long files have more lists, which are not read."""
    at = _RIFF_BYTES
    while at + _LIST.size <= size:
        file.seek(at)
        name, length, kind = _LIST.unpack(file.read(_LIST.size))
        if (name, kind) == (b"LIST", b"movi"):
            return at + 8 + length if length else None
        at += 8 + length + length % 2
    return None


def _mdat_end(file: IO[bytes], size: int) -> int | None:
    """The end of the last atom with pictures of an MP4; None where it has none of its own."""
    at, end = 0, None
    while at + _ATOM.size <= size:
        file.seek(at)
        length, name, long_length = _ATOM.unpack(file.read(_ATOM.size))
        length = long_length if length == 1 else length
        if length < _MIN_ATOM_BYTES:
            return None
        at += length
        end = at if name in (b"mdat", b"moof") else end
    return end
