"""MCAP index: where the messages of a file are, to read them in the order of log time."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import IO

from mcap.opcode import Opcode
from mcap.writer import MCAP0_MAGIC

MAX_RECORD_BYTES = 256 * 2**20
HEAD = struct.Struct("<BQ")  # every record's kind and size
_CHUNK_BEGIN = struct.Struct("<Q")  # its first message's log time
_MESSAGE_BEGIN = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time
_RUN_BYTES = 2**20


@dataclass(slots=True)
class IndexedPart:
    """A chunk, or messages that lie one after another outside of chunks.

    Args:
        begin_ns: the log time of its earliest message, as stated.
        offset, size_bytes: where it lies in the file.
        is_chunk: its messages are in a chunk.
    """

    begin_ns: int
    offset: int
    size_bytes: int
    is_chunk: bool


@dataclass(slots=True)
class RecordingIndex:
    """What a file holds.

    Args:
        parts: in the order of the file.
        channels: channel records outside of chunks, which a summary at the end has too, unread.
        is_whole: the file ends as it should.
    """

    parts: list[IndexedPart] = field(default_factory=list[IndexedPart])
    channels: list[bytes] = field(default_factory=list[bytes])
    is_whole: bool = False

    def by_time(self) -> list[IndexedPart]:
        """The parts in the order of their earliest message."""
        return sorted(self.parts, key=attrgetter("begin_ns"))


def read_index(file: IO[bytes]) -> RecordingIndex:
    """Read the heads of all records, up to the first that is not whole, and skip their contents."""
    index = RecordingIndex()
    for opcode, offset, size in heads(file):
        index.is_whole = opcode == Opcode.FOOTER
        if opcode == Opcode.CHUNK and size >= _CHUNK_BEGIN.size:
            (begin_ns,) = _CHUNK_BEGIN.unpack(file.read(_CHUNK_BEGIN.size))
            index.parts.append(IndexedPart(begin_ns, offset, HEAD.size + size, is_chunk=True))
        elif opcode == Opcode.MESSAGE and size >= _MESSAGE_BEGIN.size:
            _, _, log_ns, _ = _MESSAGE_BEGIN.unpack(file.read(_MESSAGE_BEGIN.size))
            _append_message(index.parts, log_ns, offset, HEAD.size + size)
        elif opcode == Opcode.CHANNEL:
            index.channels.append(file.read(size))
    return index


def heads(file: IO[bytes]) -> Iterator[tuple[int, int, int]]:
    """Kind, offset and size of each record, the file standing at its content; the footer comes last."""
    end = os.fstat(file.fileno()).st_size
    offset = len(MCAP0_MAGIC)
    while True:
        file.seek(offset)
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            return
        opcode, size = HEAD.unpack(head)
        if size > min(end - file.tell(), MAX_RECORD_BYTES):
            return
        if opcode == Opcode.FOOTER:
            file.seek(size, os.SEEK_CUR)
            if file.read() == MCAP0_MAGIC:
                yield opcode, offset, size
            return
        yield opcode, offset, size
        offset += HEAD.size + size


def records_in(part: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and the content of each whole record in a part that lies outside of chunks."""
    at = 0
    while at + HEAD.size <= len(part):
        opcode, size = HEAD.unpack_from(part, at)
        yield opcode, part[at + HEAD.size : at + HEAD.size + size]
        at += HEAD.size + size


def _append_message(parts: list[IndexedPart], log_ns: int, offset: int, size_bytes: int) -> None:
    last = parts[-1] if parts else None
    end = offset + size_bytes
    if last is None or last.is_chunk or end - last.offset > _RUN_BYTES:
        parts.append(IndexedPart(log_ns, offset, size_bytes, is_chunk=False))
        return
    last.begin_ns = min(last.begin_ns, log_ns)
    last.size_bytes = end - last.offset
