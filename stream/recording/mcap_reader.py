"""MCAP reader: messages of a recording, also of one that was cut off or has damaged parts."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from io import BytesIO
from pathlib import Path
from typing import IO

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, McapRecord, Message, Metadata
from mcap.writer import MCAP0_MAGIC

from ..wire.packing import unpack
from ..wire.topics import MessageError, parse_topic
from .format import ABOUT, FLUSH_S, Recorded, RecordingReadError, parts_of
from .mcap_chunk import ChunkErrors, open_chunk
from .mcap_index import HEAD, IndexedPart, RecordingIndex, heads, read_index, records_in

_MAX_DIGITS = 19  # of a time in ns
# The errors of the library where bytes were changed.
_BROKEN = (McapError, *ChunkErrors, struct.error, OverflowError)
_MAX_WAITING_BYTES = 256 * 2**20  # of messages that wait for earlier ones; beyond that they come as they are read
_BYTES_EACH = 500  # that Python needs for a message however short


class McapReader:
    """Iterates over the messages of one file, in the order in which they were received; as often as needed.

    Other programs may write them without chunks, or in another order: log time decides. Memory holds one chunk, and the
    messages of others that overlap it in time.

    Args:
        path: an MCAP file. Messages of other programs in it are skipped.

    Attributes:
        about: what the recorder wrote about itself: version, address, recording, file, began.
        torn: known after iterating to the end: the file ends without its index, as after a kill or a full disk.
        damaged: after iterating: parts that could not be read and were skipped.

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
        """What is missing from a torn file."""
        return f"{self.path} was cut off: up to {FLUSH_S:g} s of what was received before that is missing"

    @property
    def order(self) -> tuple[int, int]:
        """Sorts the files of a recording, and recordings by their beginning."""
        return _number(self.about.get("recording", "")), _number(self.about.get("file", ""))

    def __iter__(self) -> Iterator[Recorded]:
        self.torn, self.damaged = False, 0
        channels: dict[int, Channel] = {}
        with self.path.open("rb") as file:
            index = read_index(file)
            parts = index.by_time()
            _gather_channels(file, index, channels, in_order=parts == index.parts)
            waiting = _MessageHeap()
            for part in parts:
                yield from waiting.before(part.begin_ns)
                for message in self._messages(_read(file, part), part.is_chunk, channels):
                    yield from waiting.put(message, part.offset)
            yield from waiting.rest()
        self.torn = not index.is_whole

    def _messages(self, part: bytes, is_chunk: bool, channels: dict[int, Channel]) -> Iterator[Recorded]:
        for record in self._open_chunk(part) if is_chunk else self._open_run(part):
            if isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message) and (message := self._message(record, channels, is_chunk)):
                yield message

    def _open_chunk(self, part: bytes) -> Iterator[McapRecord]:
        try:
            yield from open_chunk(part[HEAD.size :])
        except _BROKEN:
            self.damaged += 1

    def _open_run(self, part: bytes) -> Iterator[McapRecord]:
        """The messages in a part without chunks, and the channels between them."""
        for opcode, content in records_in(part):
            stream = ReadDataStream(BytesIO(content))
            try:
                if opcode == Opcode.MESSAGE:
                    yield Message.read(stream, len(content))
                elif opcode == Opcode.CHANNEL:
                    yield Channel.read(stream)
            except _BROKEN:
                self.damaged += 1

    def _message(self, stored: Message, channels: Mapping[int, Channel], has_checksum: bool) -> Recorded | None:
        channel = channels.get(stored.channel_id)
        if channel is None:  # its record is in a damaged part
            self.damaged += 1
            return None
        topic = channel.topic.encode()
        try:
            known = parse_topic(topic)
        except MessageError:
            return None  # of another program
        try:
            if not has_checksum and known.kind != "img":  # a changed byte may turn another record into a message
                unpack(stored.data)
            return Recorded(topic, parts_of(known, stored.data), stored.log_time, stored.publish_time)
        except MessageError:
            self.damaged += 1
            return None

    def _read_about(self, file: IO[bytes]) -> None:
        head = file.read(len(MCAP0_MAGIC))
        if head != MCAP0_MAGIC[: len(head)]:
            raise RecordingReadError(f"{self.path} is not a recording: 'groundcast record' writes MCAP files")
        for opcode, _, size in heads(file):  # it is at the beginning; other programs may have moved it to the end
            if opcode != Opcode.METADATA:
                continue
            with contextlib.suppress(*_BROKEN):
                found = Metadata.read(ReadDataStream(BytesIO(file.read(size))))
                if found.name == ABOUT:
                    self.about = found.metadata
                    return


class _MessageHeap:
    """Messages that wait for earlier ones of other parts, the earliest first; of equal ones the first in the file."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Recorded]] = []
        self._count = 0
        self._bytes = 0

    def put(self, message: Recorded, offset: int) -> Iterator[Recorded]:
        """Add one, from the part at `offset`; returns those that are too many."""
        heappush(self._heap, (message.received_unix_ns, offset, self._count, message))
        self._count += 1
        self._bytes += _size(message)
        while self._bytes > _MAX_WAITING_BYTES:
            yield self._pop()

    def before(self, begin_ns: int) -> Iterator[Recorded]:
        """Remove those that are earlier than all that is still to be read."""
        while self._heap and self._heap[0][0] < begin_ns:
            yield self._pop()

    def rest(self) -> Iterator[Recorded]:
        while self._heap:
            yield self._pop()

    def _pop(self) -> Recorded:
        message = heappop(self._heap)[-1]
        self._bytes -= _size(message)
        return message


def _size(message: Recorded) -> int:
    return _BYTES_EACH + sum(map(len, message.parts))


def _number(text: str) -> int:
    """A number that the recorder wrote; 0 for anything else, such as too many digits."""
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else 0


def _read(file: IO[bytes], part: IndexedPart) -> bytes:
    file.seek(part.offset)
    return file.read(part.size_bytes)


def _gather_channels(file: IO[bytes], index: RecordingIndex, channels: dict[int, Channel], *, in_order: bool) -> None:
    """Read the channels outside of chunks, and those within, where a chunk may be read before its channel's chunk."""
    for content in index.channels:
        with contextlib.suppress(*_BROKEN):
            channel = Channel.read(ReadDataStream(BytesIO(content)))
            channels.setdefault(channel.id, channel)
    if in_order:
        return
    for part in index.parts:
        with contextlib.suppress(*_BROKEN):
            found = open_chunk(_read(file, part)[HEAD.size :]) if part.is_chunk else ()
            channels.update({record.id: record for record in found if isinstance(record, Channel)})
