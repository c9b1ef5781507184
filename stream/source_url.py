"""Source URLs: the kind of source, validation, and redaction; every other file shows only what this one calls safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

SourceKind = Literal["file", "folder", "rtsp", "http", "device", "lavfi", "push"]

MAX_URL_LENGTH = 4096  # FFmpeg keeps no more of one
MAX_FOREIGN_TEXT = 20_000  # characters of another library's text that are searched for secrets

_NETWORK_KINDS: dict[str, SourceKind] = {"rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_DEVICE = re.compile(r"/dev/video\d+")
_LAVFI = "lavfi:"
_PUSH = "push:"
_HIDDEN = "***"
_VALUE_MARKS = "?=&;#"  # they begin a query or a parameter
_MIN_SECRET_LENGTH = 3  # shorter ones are hidden only together with what stands beside them


class SourceError(ConnectionError):
    """A source cannot be opened or read; the text says what is wrong, where, and what to do."""


class RefusedError(SourceError):
    """A camera refused the user or the password: trying again soon may lock the account."""


class SourceUrl(str):
    """A source's URL that shows only its safe part, wherever it is written: scheme, host, port and path.

    User, password, query and all from the first `=` on are `***` in the text that this is. What was written is in
    `full`, which is for opening the source and never for showing. Two are equal when all of what was written is.
    """

    __slots__ = ("full",)
    full: str

    def __new__(cls, text: str) -> SourceUrl:
        full = full_url(text)
        url = super().__new__(cls, _safe_part(full))
        url.full = full
        return url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.full == full_url(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.full)

    def __reduce__(self) -> tuple[type[SourceUrl], tuple[str]]:
        return SourceUrl, (self.full,)


def full_url(url: str) -> str:
    """All of a URL as it was written, secrets included: for opening it."""
    return url.full if isinstance(url, SourceUrl) else url


def kind_of(url: str) -> SourceKind:
    """Which kind of source `url` names.

    Raises:
        SourceError: nothing, too much, a scheme that is not known, a host or a port that cannot be, or no path that
            can be.
    """
    full = full_url(url)
    if not full.strip():
        raise SourceError("the source is empty: give a path, rtsp://..., http://..., /dev/video0 or lavfi:testsrc")
    if len(full) > MAX_URL_LENGTH:
        raise SourceError(f"a source's URL has {len(full)} characters, and at most {MAX_URL_LENGTH} fit: shorten it")
    if full.startswith(_LAVFI):
        return "lavfi"
    if full.startswith(_PUSH):
        return "push"
    scheme = _scheme_of(full)
    if scheme and (kind := _NETWORK_KINDS.get(scheme.lower())):
        _check_address(full)
        return kind
    if scheme and scheme.lower() != "file":
        raise SourceError(
            f"{SourceUrl(full)} begins with {scheme}://, which is not known: "
            "write rtsp://, rtsps://, http://, https://, lavfi:, push:, /dev/video0, or the path of a file or a folder"
        )
    if _DEVICE.fullmatch(full):
        return "device"
    try:
        return "folder" if path_of(full).is_dir() else "file"
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else redact(str(error), full)
        raise SourceError(f"{SourceUrl(full)} is no path that can be used: {why}") from None


def path_of(url: str) -> Path:
    """The path that a file's URL means."""
    full = full_url(url)
    return Path(unquote(full.removeprefix("file://")) if full.startswith("file://") else full).expanduser()


def filter_of(url: str) -> str:
    """The filter graph that a lavfi: URL means."""
    return full_url(url).removeprefix(_LAVFI)


def push_address_of(url: str) -> str:
    """The ZeroMQ address that a push: URL means."""
    return full_url(url).removeprefix(_PUSH)


def host_of(url: str) -> tuple[str, int | None]:
    """The host and the port, if one is written, of a network URL that `kind_of` accepted."""
    parts = urlsplit(full_url(url))
    return parts.hostname or "", parts.port


def has_credentials(url: str) -> bool:
    """Whether the URL brings a user or a password for its host."""
    return "@" in urlsplit(full_url(url)).netloc


def redact(text: str, url: str = "") -> str:
    """A text that another library wrote, with users, passwords and queries of the URLs in it replaced by ***.

    What groundcast itself writes needs none of this: it is made of safe parts. It hides a harmless part of a line
    rather than show half a password, searches `MAX_FOREIGN_TEXT` characters at most, and takes time in proportion.

    Args:
        text: what is to be shown.
        url: of the source that the text is about: what it hides is hidden wherever it stands.
    """
    if isinstance(text, SourceUrl):
        return text
    text = text[:MAX_FOREIGN_TEXT]
    for secret in sorted(_secrets(full_url(url)), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return "\n".join(_redact_line(line) for line in text.split("\n"))


def _redact_line(line: str) -> str:
    before, found, after = line.partition("://")
    if not found:
        return line
    if "@" in after:  # a password may hold blanks and quotes: all before the last @ may belong to one
        after = _hide_user(after)
    words = after.split(" ")
    for number, word in enumerate(words):
        if (number == 0 or "://" in word) and (hidden := _hide_values(word)) != word:
            return before + found + " ".join([*words[:number], hidden])  # a value may hold blanks as well
    return before + found + after


def _hide_user(text: str) -> str:
    """The text from its last @ on; without the word after it, where that may be the other half of a password."""
    user, at, rest = text.rpartition("@")
    is_value = _first(user, _VALUE_MARKS) < len(user)
    return _HIDDEN + (f" {rest.partition(' ')[2]}" if is_value else at + rest)


def _hide_values(word: str) -> str:
    end = _first(word, _VALUE_MARKS)
    return word if end == len(word) else word[: end + 1] + _HIDDEN


def _safe_part(full: str) -> str:
    """What may be shown of a URL or a path."""
    full = "".join(letter if letter.isprintable() else "?" for letter in full[:MAX_URL_LENGTH])
    if full.startswith(_LAVFI):  # a graph may open URLs, in a spelling of its own
        return _LAVFI + _HIDDEN if "//" in full or "@" in full else full
    if full.startswith(_PUSH):
        return _PUSH + _safe_part(full.removeprefix(_PUSH))
    scheme = _scheme_of(full)
    if not scheme:
        return _safe_path(full)
    start, rest = full[: len(scheme) + 3], full[len(scheme) + 3 :]
    if scheme.lower() in ("file", "ipc"):
        return start + _safe_path(rest)
    end = _first(rest, "/?#")
    authority, tail = rest[:end], rest[end:]
    user, at, host = authority.rpartition("@")
    if not _is_host(host) or ("@" in tail and (at or ":" in host)):  # it may be a password with a / ? or # in it
        return start + _HIDDEN
    return f"{start}{_HIDDEN if user else ''}{at}{host}{_hide_values(tail)}"


def _safe_path(text: str) -> str:
    """What may be shown of a path, which may be a URL whose scheme was forgotten."""
    if ":" in text.rpartition("@")[0]:
        return _hide_values(_hide_user(text))
    if ":" in text and _SCHEME.fullmatch(text.partition(":")[0]):
        return _hide_values(text)
    end = _first(text, "?&")
    return text[: end + 1] + _HIDDEN if "=" in text[end:] else text


def _secrets(full: str) -> set[str]:
    """What `_safe_part` hides of a URL, whole and in parts, as written and as a server is sent it."""
    rest = full.partition("://")[2] or full
    end = _first(rest, "/?#")
    user, _, _ = rest[:end].rpartition("@")
    hidden = rest[end + _first(rest[end:], _VALUE_MARKS) :]
    whole = {full, user, rest if "@" in rest[end:] else "", hidden if len(hidden) > 1 else ""}
    parts = {*user.split(":", 1), user.rpartition(":")[2]}
    for setting in hidden.replace(";", "&").split("&"):
        parts.add(setting.partition("=")[2])
    secrets = whole | {part for part in parts if len(part) >= _MIN_SECRET_LENGTH}
    return {form for secret in secrets if secret for form in (secret, unquote(secret), repr(secret)[1:-1])}


def _scheme_of(full: str) -> str:
    """What stands before ://, or nothing where that is no scheme."""
    scheme, found, _ = full.partition("://")
    return scheme if found and _SCHEME.fullmatch(scheme) else ""


def _is_host(text: str) -> bool:
    """Whether a text can be a host and a port; half a password is often neither."""
    host, _, port = ("", "", "") if text.endswith("]") else text.rpartition(":")
    return all(letter.isalnum() or letter in ".-_:[]%" for letter in text) and (not host or port.isdecimal())


def _first(text: str, marks: str) -> int:
    """Where the first of the marks stands; the length where none does."""
    return min((at for mark in marks if (at := text.find(mark)) >= 0), default=len(text))


def _check_address(full: str) -> None:
    try:
        parts = urlsplit(full)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text may show a password
        raise SourceError(
            f"{SourceUrl(full)} has a host or a port that cannot be: a port is a number from 1 to 65535 "
            "(and in a password a / is written %2F, a # %23, a [ %5B, and a letter that is not ASCII likewise)"
        ) from None
    if port == 0:
        raise SourceError(f"{SourceUrl(full)} has port 0: it is a number from 1 to 65535")
    if not host:
        raise SourceError(f"{SourceUrl(full)} names no host: write {parts.scheme}://host/path")
