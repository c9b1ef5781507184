"""Recordings read back: whole ones, those that were cut off, and those with a damaged part."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Message, Metadata
from mcap.stream_reader import breakup_chunk
from mcap.writer import MCAP0_MAGIC
from zstandard import ZstdError, get_frame_parameters

from .recording import ABOUT, FLUSH_S, Recorded, RecordingReadError, parts_of
from .topics import MessageError, parse_topic

_HEAD = struct.Struct("<BQ")  # what every record begins with: its kind and its size
_LARGEST_RECORD = 256 * 2**20
_MOST_DIGITS = 19  # of a moment in ns
# What the library meets where bytes were changed.
_BROKEN = (McapError, ZstdError, struct.error, ValueError, OverflowError, RuntimeError)


class RecordingReader:
    """Iterate over it to have the messages of one file, in the order in which they were heard; as often as needed.

    Args:
        path: an MCAP file. Messages of other programs in it are passed over.

    Attributes:
        about: what the recorder wrote about itself: version, address, recording, file, began.
        torn: known after iterating to the end: the file ends without its index, as after a kill or a full disk.
        damaged: after iterating: parts that could not be read and were passed over.

    Raises:
        RecordingReadError: no such file, or not MCAP.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False
        self.damaged = 0
        self.about: Mapping[str, str] = {}
        try:
            with path.open("rb") as file:
                self._read_about(file)
        except OSError as error:
            raise RecordingReadError(f"recording {path} cannot be opened: {error.strerror}") from error

    @property
    def torn_sentence(self) -> str:
        """What a torn file means to whoever reads it."""
        return f"{self.path} was cut off: up to {FLUSH_S:g} s of what was heard before that is missing"

    @property
    def order(self) -> tuple[int, int]:
        """Sorts the files of a recording, and recordings by their beginning."""
        return _number(self.about.get("recording", "")), _number(self.about.get("file", ""))

    def __iter__(self) -> Iterator[Recorded]:
        self.torn, self.damaged, torn = False, 0, True
        channels: dict[int, Channel] = {}
        with self.path.open("rb") as file:
            for frame in _frames(file):
                if frame[0] == Opcode.CHUNK:
                    yield from self._messages(frame, channels)
                torn = frame[0] != Opcode.FOOTER
        self.torn = torn

    def _messages(self, frame: bytes, channels: dict[int, Channel]) -> Iterator[Recorded]:
        try:
            records = _open_chunk(frame)
        except _BROKEN:
            self.damaged += 1
            return
        for record in records:
            if isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message) and (message := self._message(record, channels)) is not None:
                yield message

    def _message(self, stored: Message, channels: Mapping[int, Channel]) -> Recorded | None:
        channel = channels.get(stored.channel_id)
        if channel is None:  # it was named in a part that is damaged
            self.damaged += 1
            return None
        topic = channel.topic.encode()
        try:
            known = parse_topic(topic)
        except MessageError:
            return None  # of another program
        try:
            return Recorded(topic, parts_of(known, stored.data), stored.log_time, stored.publish_time)
        except MessageError:
            self.damaged += 1
            return None

    def _read_about(self, file: IO[bytes]) -> None:
        head = file.read(len(MCAP0_MAGIC))
        if head != MCAP0_MAGIC[: len(head)]:
            raise RecordingReadError(f"{self.path} is not a recording: 'groundcast record' writes MCAP files")
        for frame in _frames(file):
            if frame[0] == Opcode.CHUNK:
                return
            if frame[0] == Opcode.METADATA:
                with contextlib.suppress(*_BROKEN):
                    found = Metadata.read(ReadDataStream(BytesIO(frame[_HEAD.size :])))
                    self.about = found.metadata if found.name == ABOUT else self.about


def _number(text: str) -> int:
    """What the recorder wrote as a number; 0 for what it did not write, such as digits that no number has room for."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def _frames(file: IO[bytes]) -> Iterator[bytes]:
    """The records of a file, unread, up to the first that is not whole; the footer comes last."""
    end = os.fstat(file.fileno()).st_size
    file.seek(len(MCAP0_MAGIC))
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        opcode, size = _HEAD.unpack(head)
        if size > min(end - file.tell(), _LARGEST_RECORD):
            return
        frame = head + file.read(size)
        if opcode == Opcode.FOOTER and file.read() != MCAP0_MAGIC:
            return
        yield frame


def _open_chunk(frame: bytes) -> list[McapRecord]:
    """What a chunk holds, checked against its checksum."""
    chunk = Chunk.read(ReadDataStream(BytesIO(frame[_HEAD.size :])))
    sizes = [chunk.uncompressed_size]
    if chunk.compression == "zstd":
        sizes.append(get_frame_parameters(chunk.data).content_size)  # the library reserves what this promises
    if max(sizes) > _LARGEST_RECORD:
        raise ValueError(f"a chunk of {max(sizes)} bytes is none of ours")
    return breakup_chunk(chunk, validate_crc=True)
