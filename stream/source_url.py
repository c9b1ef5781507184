"""What a source's URL says: its kind, whether it can be right, and how to show it without its secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

SourceKind = Literal["file", "folder", "rtsp", "http", "device", "lavfi", "push"]

_NETWORK_KINDS: dict[str, SourceKind] = {"rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http"}
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_DEVICE = re.compile(r"^/dev/video\d+$")
_LAVFI = "lavfi:"
_PUSH = "push:"

_ANY_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s'\"]+)")
_AUTHORITY = re.compile(r"[^/?#]*")
_SECRET_NAMES = "pass|pwd|user|usr|login|auth|token|key|secret|sig|cred"
_SECRET = re.compile(rf"(?i)([?&;/_#](?:[^=&;/\s]*(?:{_SECRET_NAMES})[^=&;/\s]*))=[^&;/#\s'\"]*")


class SourceError(ConnectionError):
    """A source cannot be opened or read; the text says what is wrong, where, and what to do."""


class RefusedError(SourceError):
    """A camera refused the user or the password: trying again soon may lock the account."""


def kind_of(url: str) -> SourceKind:
    """Which kind of source `url` names.

    Raises:
        SourceError: nothing, a scheme that is not known, a host or a port that cannot be, or no path that can be.
    """
    if not url.strip():
        raise SourceError("the source is empty: give a path, rtsp://..., http://..., /dev/video0 or lavfi:testsrc")
    if url.startswith(_LAVFI):
        return "lavfi"
    if url.startswith(_PUSH):
        return "push"
    scheme = _SCHEME.match(url)
    if scheme and (kind := _NETWORK_KINDS.get(scheme[1].lower())):
        _check_address(url)
        return kind
    if scheme and scheme[1].lower() != "file":
        raise SourceError(
            f"{redact(url)} begins with {scheme[1]}://, which is not known: "
            "write rtsp://, rtsps://, http://, https://, lavfi:, push:, /dev/video0, or the path of a file or a folder"
        )
    if _DEVICE.match(url):
        return "device"
    try:
        return "folder" if path_of(url).is_dir() else "file"
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceError(f"{redact(url)} is no path that can be used: {redact(str(error))}") from None


def path_of(url: str) -> Path:
    """The path that a file's URL means."""
    return Path(unquote(url.removeprefix("file://")) if url.startswith("file://") else url).expanduser()


def filter_of(url: str) -> str:
    """The filter graph that a lavfi: URL means."""
    return url.removeprefix(_LAVFI)


def push_address_of(url: str) -> str:
    """The ZeroMQ address that a push: URL means."""
    return url.removeprefix(_PUSH)


def host_of(url: str) -> tuple[str, int | None]:
    """The host and the port, if one is written, of a network URL that `kind_of` accepted."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port


def has_credentials(url: str) -> bool:
    """Whether the URL brings a user or a password for its host."""
    return "@" in urlsplit(url).netloc


def redact(text: str) -> str:
    """`text` with users, passwords and keys of every URL in it replaced by ***.

    Rather hides a harmless part of a badly written URL than shows half a password.
    """
    return _SECRET.sub(r"\1=***", _ANY_URL.sub(_without_user, text))


def _without_user(url: re.Match[str]) -> str:
    scheme, rest = url[1], url[2]
    authority = _AUTHORITY.match(rest)
    before_path = authority[0] if authority else ""
    if "@" in before_path:
        return f"{scheme}***@{before_path.rpartition('@')[2]}{rest[len(before_path) :]}"
    if "@" in rest and ":" in before_path:  # a password with an unescaped / ? or # in it
        return f"{scheme}***@{rest.rpartition('@')[2]}"
    return url[0]


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text may show a password
        raise SourceError(
            f"{redact(url)} has a host or a port that cannot be: a port is a number from 1 to 65535 "
            "(and in a password a / is written %2F, a # %23, a [ %5B, and a letter that is not ASCII likewise)"
        ) from None
    if port == 0:
        raise SourceError(f"{redact(url)} has port 0: it is a number from 1 to 65535")
    if not host:
        raise SourceError(f"{redact(url)} names no host: write {parts.scheme}://host/path")
