"""Recording format: how a message is stored, for the writer and the reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..wire.packing import pack_parts, unpack_parts
from ..wire.topics import Topic

ABOUT = "groundcast"
"""The name of the metadata record that says where a recording comes from."""

FLUSH_S = 1.0
"""Seconds after which messages are written to the system: a recorder that is killed loses no more than that."""

ENCODING = "msgpack"


class RecordingReadError(ValueError):
    """A file that is no recording, or cannot be opened; one sentence."""


class RecordingWriteError(OSError):
    """A recording that cannot be written, or not any further; one sentence, which says what is safe."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message as it was received.

    Args:
        topic: the first part.
        parts: the others.
        received_unix_ns: when it came, on a clock that no one sets while a file is written.
        published_unix_ns: when it was sent; `received_unix_ns` where the message does not say.
    """

    topic: bytes
    parts: tuple[bytes, ...]
    received_unix_ns: int
    published_unix_ns: int

    @property
    def size_bytes(self) -> int:
        return len(self.topic) + sum(len(part) for part in self.parts)


def body_of(topic: Topic, parts: Sequence[bytes]) -> bytes:
    """What is stored: the message's map, or for pictures a msgpack list of the map's bytes and the JPEG."""
    return pack_parts(parts) if topic.kind == "img" else parts[0]


def parts_of(topic: Topic, body: bytes) -> tuple[bytes, ...]:
    """The parts that `body_of` stored.

    Raises:
        MessageError: a picture that is not stored in this form.
    """
    return unpack_parts(body, 2) if topic.kind == "img" else (body,)
