"""How messages lie in a recording, for those who write it and those who read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..wire.packing import pack_parts, unpack_parts
from ..wire.topics import Topic

ABOUT = "groundcast"
"""The name of the metadata record that tells where a recording comes from."""

FLUSH_S = 1.0
"""What was heard is handed to the system after so long: a recorder that is killed loses no more than that."""

ENCODING = "msgpack"


class RecordingReadError(ValueError):
    """A file that is no recording, or cannot be opened; one sentence."""


class RecordingWriteError(OSError):
    """A recording that cannot be written, or not any further; one sentence, which says what is safe."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message as it travelled.

    Args:
        topic: the first part.
        parts: the others.
        heard_unix_ns: when it came, on a clock that is not set while a file is written.
        published_unix_ns: when it was sent; `heard_unix_ns` where the message does not say.
    """

    topic: bytes
    parts: tuple[bytes, ...]
    heard_unix_ns: int
    published_unix_ns: int

    @property
    def size_bytes(self) -> int:
        return len(self.topic) + sum(len(part) for part in self.parts)


def body_of(topic: Topic, parts: Sequence[bytes]) -> bytes:
    """What is stored: the map as it travelled, or of pictures a msgpack list of the map's bytes and the JPEG."""
    return pack_parts(parts) if topic.kind == "img" else parts[0]


def parts_of(topic: Topic, body: bytes) -> tuple[bytes, ...]:
    """What `body_of` was given.

    Raises:
        MessageError: of a picture that is not stored so.
    """
    return unpack_parts(body, 2) if topic.kind == "img" else (body,)
