"""MCAP writer: writes one file, in which messages are safe a second after they were put."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mcap.writer import Writer

from ..wire.header import check_parts
from ..wire.topics import MessageError, Topic
from .format import ABOUT, ENCODING, FLUSH_S, Recorded, RecordingWriteError, body_of

_SYNC_S = 5.0  # to the disk: the most that a loss of power may cost
_CHUNK_BYTES = 2**20
_MAX_TOPICS = 4096
_WIRE = Path(__file__).parents[1] / "wire"
_SCHEMAS = {"det": "message.schema.json", "sys": "status.schema.json", "evt": "event.schema.json"}
_PICTURES = {"form": "a msgpack list of two byte strings: the header, itself a msgpack map, and the JPEG"}


class McapWriter:
    """Writes one file, in chunks of a second at most.

    Each chunk is written to the system at once and to the disk every few seconds. A file that was cut off anywhere can
    be read up to its last whole chunk; after any other failure the file ends with one.

    Args:
        path: must not exist.
        about: where the messages come from, stored at the beginning.

    Attributes:
        messages: how many were written.

    Raises:
        RecordingWriteError: it cannot be created, or (from every method) not be written any further.
    """

    def __init__(self, path: Path, about: Mapping[str, str]) -> None:
        self.path = path
        self.messages = 0
        self._channels: dict[bytes, int] = {}
        self._schemas: dict[str, int] = {"img": 0}  # pictures have none
        self._pending_bytes = self._safe_bytes = self._safe_messages = 0
        # The wall clock may be set meanwhile; the time between messages must stay true.
        self._unix_from_monotonic_ns = time.time_ns() - time.monotonic_ns()
        self._flushed_ns = self._synced_ns = time.monotonic_ns()
        self._first_ns: int | None = None
        try:
            self._file = path.open("xb")
        except OSError as error:
            raise RecordingWriteError(f"{path} cannot be created: {error.strerror}") from error
        self._writer = Writer(self._file, chunk_size=_CHUNK_BYTES)
        with self._guarded():
            self._writer.start(library=ABOUT)
            self._writer.add_metadata(ABOUT, dict(about))
            self._flush()
            self._sync(path.parent)

    @property
    def size_bytes(self) -> int:
        """The size of the file, with what is not written to the system yet (before compression)."""
        return self._safe_bytes + self._pending_bytes

    @property
    def age_s(self) -> float:
        """Seconds since the first message."""
        return 0.0 if self._first_ns is None else (time.monotonic_ns() - self._first_ns) / 1e9

    def put(self, topic: bytes, parts: Sequence[bytes], published_unix_ns: int | None, seq: int) -> Recorded:
        """Add one message, which was received now.

        Args:
            topic, parts: as they were received.
            published_unix_ns, seq: as the message says, if it does.

        Raises:
            MessageError: not a topic of groundcast, another number of parts, or more topics than a node can have.
        """
        known = check_parts(topic, parts)
        self._first_ns = self._first_ns or time.monotonic_ns()
        now_ns = time.monotonic_ns() + self._unix_from_monotonic_ns
        message = Recorded(topic, tuple(parts), now_ns, published_unix_ns or now_ns)
        with self._guarded():
            channel = self._channels.get(topic) or self._add_channel(topic, known)
            body = body_of(known, parts)
            self.messages += 1
            self._pending_bytes += len(body)
            self._writer.add_message(channel, now_ns, body, message.published_unix_ns, seq & 0xFFFFFFFF)
        self.flush_when_due()
        return message

    def flush_when_due(self) -> None:
        """Call it several times a second, also while no message comes."""
        if time.monotonic_ns() - self._flushed_ns >= FLUSH_S * 1e9:
            with self._guarded():
                self._flush()
                if time.monotonic_ns() - self._synced_ns >= _SYNC_S * 1e9:
                    self._sync(self.path)

    def close(self) -> None:
        """Write the index after the messages, and close the file. Twice does no harm."""
        if self._file.closed:
            return
        with self._guarded():
            self._flush()
            self._writer.finish()
            self._file.flush()
            self._sync(self.path)
            self._safe_bytes = self._file.tell()
            self._file.close()

    def _add_channel(self, topic: bytes, known: Topic) -> int:
        if len(self._channels) >= _MAX_TOPICS:
            raise MessageError(f"topic {topic[:100]!r} is one too many: a recording holds {_MAX_TOPICS}")
        if known.kind not in self._schemas:
            schema = (_WIRE / _SCHEMAS[known.kind]).read_bytes()
            self._schemas[known.kind] = self._writer.register_schema(f"groundcast.{known.kind}", "jsonschema", schema)
        about = {"node": known.node, "source": known.source, **(_PICTURES if known.kind == "img" else {})}
        number = self._writer.register_channel(topic.decode("ascii"), ENCODING, self._schemas[known.kind], about)
        self._channels[topic] = number
        return number

    def _flush(self) -> None:
        self._writer.flush()
        self._flushed_ns = time.monotonic_ns()
        self._safe_bytes, self._safe_messages, self._pending_bytes = self._file.tell(), self.messages, 0

    def _sync(self, path: Path) -> None:
        """Write a file, or a folder's list of files, to the disk (fsync)."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._synced_ns = time.monotonic_ns()

    @contextmanager
    def _guarded(self) -> Generator[None]:
        """A failure ends the file at its last whole chunk."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.close()  # tries once more to write the rest
            with contextlib.suppress(OSError):
                os.truncate(self.path, self._safe_bytes)
            raise RecordingWriteError(
                f"{self.path} cannot be written any further ({error.strerror}): its first {self._safe_messages} "
                f"messages are safe, {self.messages - self._safe_messages} are lost; make room, or set --max-mb"
            ) from error
