"""What a source's URL says: its kind, whether it can be right, and how to show it without its secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from .options import SourceOptions

SourceKind = Literal["file", "folder", "rtsp", "http", "device", "lavfi"]

_NETWORK_KINDS: dict[str, SourceKind] = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "http": "http",
    "https": "http",
}
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
_LAVFI = "lavfi:"
_DEVICE = re.compile(r"^/dev/video\d+$")
_USER = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET = re.compile(
    r"(?i)(?<=[?&;])([^=&#\s]*(?:pass|pwd|us(?:e)?r|login|auth|token|key|secret|sig)[^=&#\s]*)=[^&#\s'\"]*"
)


class SourceError(ConnectionError):
    """A source cannot be opened; the text says what is wrong, where, and what to do."""


def kind_of(url: str) -> SourceKind:
    """Which kind of source `url` names.

    Raises:
        SourceError: a scheme that is not known.
    """
    if url.startswith(_LAVFI):
        return "lavfi"
    scheme = _SCHEME.match(url)
    if scheme and scheme[1].lower() in _NETWORK_KINDS:
        return _NETWORK_KINDS[scheme[1].lower()]
    if scheme and scheme[1].lower() != "file":
        known = "rtsp://, rtsps://, http://, https://, lavfi:, /dev/video0, or the path of a file or a folder"
        raise SourceError(f"{redact(url)} has a scheme that is not known ({scheme[1]}): write {known}")
    if _DEVICE.match(url):
        return "device"
    return "folder" if path_of(url).is_dir() else "file"


def path_of(url: str) -> Path:
    """The path that a file's URL means."""
    return Path(url.removeprefix("file://")).expanduser()


def redact(text: str) -> str:
    """`text` with the user, the password and every key of the URLs in it replaced by ***."""
    return _SECRET.sub(r"\1=***", _USER.sub("***@", text))


def check_source(options: SourceOptions) -> None:
    """Find out at once what can be known to be wrong. Files get opened, cameras do not.

    Raises:
        SourceError: what is wrong, where, and what to do, in one sentence.
    """
    if kind_of(options.url) == "file" and not path_of(options.url).exists():
        raise SourceError(f"{redact(options.url)} does not exist: check the path")
