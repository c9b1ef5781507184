"""Allow list: the clients that a node admits, as a folder of public keys for each purpose."""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from .key_files import (
    KeyFileError,
    KeyReadError,
    check_folder,
    make_folder,
    public_file,
    read_error,
    read_given_public,
    read_public,
    write_private,
)
from .trusted_path import TrustError, check_entry, check_trusted

Purpose = Literal["watch", "control", "push"]
"""What a client may do: receive messages, change what the node does, send pictures of its own."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
_LOG = logging.getLogger(__name__)
_SUFFIX = ".key"
_WARN_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key file as it was read.

    Args:
        version: changes when the file does.
        key: its public key; None where it holds none that can be used.
    """

    version: tuple[int, ...]
    key: bytes | None


class AllowList:
    """The keys allowed for one purpose, read again at each `refresh`. Without a folder there are none.

    Where the folder cannot be read now (no free descriptor, a disk that fails), or others can write to it, the keys
    that were read before stay allowed for as long as their files are unchanged, and no others are.

    Raises:
        KeyFileError: others may write to the folder, or it cannot be read.
    """

    def __init__(self, keys: Path, purpose: Purpose) -> None:
        self._folder = _folder(keys, purpose)
        self._folders = (keys, keys / "allowed", self._folder)
        self._entries: dict[str, _Entry] = {}
        self._names: dict[bytes, str] = {}
        self._warned_s: dict[str, float] = {}
        self._changed_ns = _changed_ns(self._folder)
        self._read(_files(self._check()))

    def name_of(self, key: bytes) -> str | None:
        """The name of the client with this public key, or None if the key is not allowed."""
        return self._names.get(key)

    @property
    def is_stale(self) -> bool:
        """Whether files were added to the folder, or removed, since it was last read; costs one stat."""
        return _changed_ns(self._folder) != self._changed_ns

    def refresh(self) -> bool:
        """Read the folder; True if a key that was allowed is no longer."""
        before = set(self._names)
        self._changed_ns = _changed_ns(self._folder)
        try:
            files = _files(self._check())
        except KeyFileError as error:
            self._warn(f"the allowed keys stay as they are: {error}")
            self._read(self._entries, only_known=not isinstance(error, KeyReadError))
        else:
            self._read(files)
        return not before <= set(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _check(self) -> Path:
        """The folder; raises KeyFileError where other users could have put keys into it."""
        for folder in self._folders:
            if _exists(folder):
                check_folder(folder)
        return self._folder

    def _read(self, files: Iterable[str], *, only_known: bool = False) -> None:
        entries = {file: entry for file in files if (entry := self._entry(file, only_known=only_known)) is not None}
        self._entries = entries
        self._names = {entry.key: file.removesuffix(_SUFFIX) for file, entry in sorted(entries.items()) if entry.key}

    def _entry(self, file: str, *, only_known: bool) -> _Entry | None:
        """What a file holds now; None where there is no file that may be used."""
        known = self._entries.get(file)
        try:
            version = _version(self._folder / file)
        except TrustError as error:
            self._warn(f"a key that other users could have put there admits no client: {error}")
            return None
        except OSError as error:
            return known if isinstance(read_error(error, ""), KeyReadError) else None
        if known is not None and known.version == version:
            return known
        return None if only_known else self._read_file(file, version, known)

    def _read_file(self, file: str, version: tuple[int, ...], known: _Entry | None) -> _Entry | None:
        try:
            return _Entry(version, read_public(public_file(self._folder, file.removesuffix(_SUFFIX))))
        except KeyReadError as error:
            self._warn(f"a key is read again as soon as that is possible: {error}")
            return known
        except KeyFileError as error:
            _LOG.warning("a key that cannot be read admits no client: %s", error)
            return _Entry(version, None)

    def _warn(self, text: str) -> None:
        """Log a warning that may repeat at each refresh, at most once a minute."""
        now_s = time.monotonic()
        if now_s - self._warned_s.get(text, -_WARN_EVERY_S) < _WARN_EVERY_S:
            return
        recent = {old: at_s for old, at_s in self._warned_s.items() if now_s - at_s < _WARN_EVERY_S}
        self._warned_s = {**recent, text: now_s}
        _LOG.warning("%s", text)


def allow(keys: Path, name: str, public: Path, purposes: Sequence[Purpose]) -> None:
    """Allow a client.

    Args:
        keys: the node's folder of keys.
        name: the client's name from now on.
        public: the file with its public key.
        purposes: what it may do.

    Raises:
        KeyFileError: no such key, another one under that name, or a folder that cannot be written to, or by others.
    """
    key = read_given_public(public)
    for purpose in PURPOSES:
        present = public_file(_folder(keys, purpose), name)
        if present.exists() and read_public(present) != key:
            raise KeyFileError(f"{present} allows another key under that name: groundcast keys revoke {name} first")
    try:
        for purpose in purposes:
            folder = _folder(keys, purpose)
            for needed in (keys, folder.parent, folder):
                make_folder(needed)
                check_folder(needed)
            write_private(
                public_file(folder, name), f'metadata\n    name = "{name}"\ncurve\n    public-key = "{key.decode()}"\n'
            )
    except OSError as error:
        raise KeyFileError(f"{keys} cannot be written to ({error.strerror}): name another --folder") from error


def revoke(keys: Path, name: str) -> tuple[Purpose, ...]:
    """Allow a client no longer; returns what it was allowed.

    Raises:
        KeyFileError: it was not allowed anything, or the folder cannot be written to.
    """
    purposes = allowed(keys).get(name, ())
    if not purposes:
        raise KeyFileError(f"{name} is not allowed in {keys}: see 'groundcast keys list'")
    try:
        for purpose in purposes:
            public_file(_folder(keys, purpose), name).unlink()
    except OSError as error:
        raise KeyFileError(f"{name} is still allowed, {keys} cannot be written to ({error.strerror})") from error
    return purposes


def allowed(keys: Path) -> dict[str, tuple[Purpose, ...]]:
    """What each client may do, by name; raises KeyReadError if that cannot be read now."""
    found: dict[str, tuple[Purpose, ...]] = {}
    for purpose in PURPOSES:
        for file in sorted(_files(_folder(keys, purpose))):
            name = file.removesuffix(_SUFFIX)
            found[name] = (*found.get(name, ()), purpose)
    return dict(sorted(found.items()))


def _folder(keys: Path, purpose: Purpose) -> Path:
    return keys / "allowed" / purpose


def _files(folder: Path) -> list[str]:
    """The names of the key files in a folder; none where there is no such folder.

    Raises:
        KeyReadError: it cannot be listed now.
    """
    try:
        return [path.name for path in folder.iterdir() if path.name.endswith(_SUFFIX)]
    except OSError as error:
        fault = read_error(error, f"{folder} cannot be listed ({error.strerror})")
        if isinstance(fault, KeyReadError):
            raise fault from error
        return []


def _changed_ns(folder: Path) -> int:
    """When a file was last added to a folder or removed; 0 where that cannot be read."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _exists(folder: Path) -> bool:
    """Whether the folder exists; where that cannot be read, `check_folder` says why."""
    try:
        folder.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def _version(path: Path) -> tuple[int, ...]:
    """A value that changes when a file does. Opens no file, so a removed one is noticed without a descriptor."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        found = check_trusted(path)
    else:
        check_entry(path, found)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
