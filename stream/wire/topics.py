"""Topics: which one carries what, and which names can stand in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

MAJOR = 1
"""Major version. A new one has new topics, so that an old subscriber never receives bytes that it would misread."""

MAX_NAME_LENGTH = 64
"""Characters of the name of a node, a source or a key. The kernel's lock on a node's name has room for some 90."""

MAX_FRAME_ID_LENGTH = 100
"""Characters of the name of a camera's coordinate frame."""

NAME_PATTERN = r"^[A-Za-z0-9_.-]+$"
"""What a name is made of, as a regular expression."""

TopicKind = Literal["det", "sys", "img", "evt", "mask"]

_NAME = re.compile(NAME_PATTERN.strip("^$"))
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_KINDS: tuple[TopicKind, ...] = get_args(TopicKind)


class MessageError(ValueError):
    """Bytes or values that are not a groundcast message; the text names the key."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart.

    Args:
        kind: det for detections, sys for status, img for pictures, evt for events, mask for masks.
        node: the node's name.
        source: the source's name.
    """

    kind: TopicKind
    node: str
    source: str


def check_name(text: str) -> str:
    """Return the name if it can stand in a topic.

    Raises:
        MessageError: empty, longer than `MAX_NAME_LENGTH`, or other than letters, digits, '_', '.' and '-'.
    """
    if not _is_name(text):
        raise MessageError(f"name {text[:100]!r} must be 1 to {MAX_NAME_LENGTH} letters, digits, '_', '.' or '-'")
    return text


def detections_topic(node: str, source: str) -> bytes:
    """The topic of a source's detections. ZeroMQ matches prefixes: the closing '/' keeps cam1 from receiving cam10."""
    return _topic("det", node, source)


def status_topic(node: str, source: str) -> bytes:
    """The topic of a source's status."""
    return _topic("sys", node, source)


def picture_topic(node: str, source: str) -> bytes:
    """The topic of a source's pictures."""
    return _topic("img", node, source)


def event_topic(node: str, source: str) -> bytes:
    """The topic of a source's events."""
    return _topic("evt", node, source)


def mask_topic(node: str, source: str) -> bytes:
    """The topic of the masks of a source's tracks."""
    return _topic("mask", node, source)


def parse_topic(topic: bytes) -> Topic:
    """Take a topic apart.

    Raises:
        MessageError: not a topic of this major version.
    """
    kind, major, node, source, end = _split(topic, 5)
    if major != str(MAJOR) or end:
        raise MessageError(f"topic {topic[:100]!r} is not one of message version {MAJOR}")
    for known in _KINDS:
        if known == kind:
            return Topic(known, check_name(node), check_name(source))
    raise MessageError(f"topic {topic[:100]!r} must begin with {', '.join(_KINDS)}")


def kind_prefix(kind: TopicKind) -> bytes:
    """The prefix of every topic of a kind, of any node."""
    return f"{kind}/{MAJOR}/".encode()


def node_prefix(kind: TopicKind, node: str) -> bytes:
    """The prefix of every topic of a kind, of one node."""
    return kind_prefix(kind) + f"{check_name(node)}/".encode()


def snapshot_request(nonce: str, source: str | None = None) -> bytes:
    """The prefix that a late joiner subscribes to, to receive the last status and the last detections.

    The nonce is the subscriber's own and must be hard to guess, because a client that knows it can subscribe to the
    answers. These arrive on this prefix followed by the topic that they were first sent on.

    Args:
        nonce: 16 to 64 letters, digits, '_' or '-', such as `secrets.token_hex(16)`.
        source: the one source that is wanted, or None for all.
    """
    rest = "" if source is None else f"{check_name(source)}/"
    return f"snap/{MAJOR}/{nonce}/{rest}".encode()


def parse_snapshot_request(topic: bytes) -> str | None:
    """The source of a snapshot request, "" for all of them, or None if this is no such request."""
    parts = topic.decode("ascii", "replace").split("/")
    if len(parts) not in (4, 5) or parts[:2] != ["snap", str(MAJOR)] or not _NONCE.fullmatch(parts[2]):
        return None
    if len(parts) == 4:
        return "" if parts[3] == "" else None
    return parts[3] if parts[4] == "" and _is_name(parts[3]) else None


def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def _topic(kind: TopicKind, node: str, source: str) -> bytes:
    return f"{kind}/{MAJOR}/{check_name(node)}/{check_name(source)}/".encode()


def _split(topic: bytes, count: int) -> list[str]:
    parts = topic.decode("ascii", "replace").split("/")
    if len(parts) != count:
        raise MessageError(f"topic {topic[:100]!r} must have the form det/{MAJOR}/<node>/<source>/")
    return parts
