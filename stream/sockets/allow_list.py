"""The clients that a node lets in: a folder of public keys for each purpose, which anybody can read and count."""

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
"""What a client may do: hear messages, change what the node does, send pictures of its own."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
_LOG = logging.getLogger(__name__)
_ENDING = ".key"
_COMPLAIN_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key file as it was read.

    Args:
        stamp: changes when the file does.
        key: its public key; None where there was none that could be used.
    """

    stamp: tuple[int, ...]
    key: bytes | None


class AllowList:
    """The keys allowed for one purpose, looked at again at each `refresh`. Without a folder there are none.

    Where the folder cannot be read now (no free descriptor, a disk that fails), or others can write to it, the keys
    that were read before stay allowed for as long as their files are there unchanged, and no others are.

    Raises:
        KeyFileError: others may write to the folder, or it cannot be read.
    """

    def __init__(self, keys: Path, purpose: Purpose) -> None:
        self._folder = _folder(keys, purpose)
        self._folders = (keys, keys / "allowed", self._folder)
        self._entries: dict[str, _Entry] = {}
        self._names: dict[bytes, str] = {}
        self._complained_s: dict[str, float] = {}
        self._changed_ns = _changed_ns(self._folder)
        self._read(_files(self._check()))

    def name_of(self, key: bytes) -> str | None:
        """Whose public key this is, or None if it is nobody's who is allowed."""
        return self._names.get(key)

    @property
    def is_stale(self) -> bool:
        """Whether files have come to the folder, or left it, since it was last looked at; costs next to nothing."""
        return _changed_ns(self._folder) != self._changed_ns

    def refresh(self) -> bool:
        """Look at the folder; True if a key that was allowed is so no longer."""
        before = set(self._names)
        self._changed_ns = _changed_ns(self._folder)
        try:
            files = _files(self._check())
        except KeyFileError as error:
            self._complain(f"the keys that may be used stay as they are: {error}")
            self._read(self._entries, only_known=not isinstance(error, KeyReadError))
        else:
            self._read(files)
        return not before <= set(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _check(self) -> Path:
        """The folder; raises KeyFileError where others could have laid keys into it."""
        for folder in self._folders:
            if _is_there(folder):
                check_folder(folder)
        return self._folder

    def _read(self, files: Iterable[str], *, only_known: bool = False) -> None:
        entries = {file: entry for file in files if (entry := self._entry(file, only_known=only_known)) is not None}
        self._entries = entries
        self._names = {entry.key: file.removesuffix(_ENDING) for file, entry in sorted(entries.items()) if entry.key}

    def _entry(self, file: str, *, only_known: bool) -> _Entry | None:
        """What lies in a file now; None where there is nothing that may be used."""
        known = self._entries.get(file)
        try:
            stamp = _stamp(self._folder / file)
        except TrustError as error:
            self._complain(f"nobody is let in by a key that others could have put there: {error}")
            return None
        except OSError as error:
            return known if isinstance(read_error(error, ""), KeyReadError) else None
        if known is not None and known.stamp == stamp:
            return known
        return None if only_known else self._read_file(file, stamp, known)

    def _read_file(self, file: str, stamp: tuple[int, ...], known: _Entry | None) -> _Entry | None:
        try:
            return _Entry(stamp, read_public(public_file(self._folder, file.removesuffix(_ENDING))))
        except KeyReadError as error:
            self._complain(f"a key is looked at again as soon as it can be read: {error}")
            return known
        except KeyFileError as error:
            _LOG.warning("nobody is let in by a key that cannot be read: %s", error)
            return _Entry(stamp, None)

    def _complain(self, text: str) -> None:
        """Log what may be so at each look, or come and go, once in a minute."""
        now_s = time.monotonic()
        if now_s - self._complained_s.get(text, -_COMPLAIN_EVERY_S) < _COMPLAIN_EVERY_S:
            return
        recent = {old: at_s for old, at_s in self._complained_s.items() if now_s - at_s < _COMPLAIN_EVERY_S}
        self._complained_s = {**recent, text: now_s}
        _LOG.warning("%s", text)


def allow(keys: Path, name: str, public: Path, purposes: Sequence[Purpose]) -> None:
    """Let a client in.

    Args:
        keys: the node's folder of keys.
        name: what the client is called from now on.
        public: the file with its public key.
        purposes: what it may do.

    Raises:
        KeyFileError: no such key, another one under that name, or a folder that cannot be written to, or by others.
    """
    key = read_given_public(public)
    for purpose in PURPOSES:
        there = public_file(_folder(keys, purpose), name)
        if there.exists() and read_public(there) != key:
            raise KeyFileError(f"{there} allows another key under that name: groundcast keys revoke {name} first")
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
    """Let a client in no more; returns what it was allowed.

    Raises:
        KeyFileError: it was not allowed anything, or the folder cannot be written to.
    """
    was = allowed(keys).get(name, ())
    if not was:
        raise KeyFileError(f"{name} is not allowed in {keys}: see 'groundcast keys list'")
    try:
        for purpose in was:
            public_file(_folder(keys, purpose), name).unlink()
    except OSError as error:
        raise KeyFileError(f"{name} is still allowed, {keys} cannot be written to ({error.strerror})") from error
    return was


def allowed(keys: Path) -> dict[str, tuple[Purpose, ...]]:
    """What each client may do, by name; raises KeyReadError if that cannot be read now."""
    found: dict[str, tuple[Purpose, ...]] = {}
    for purpose in PURPOSES:
        for file in sorted(_files(_folder(keys, purpose))):
            name = file.removesuffix(_ENDING)
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
        return [path.name for path in folder.iterdir() if path.name.endswith(_ENDING)]
    except OSError as error:
        fault = read_error(error, f"{folder} cannot be listed ({error.strerror})")
        if isinstance(fault, KeyReadError):
            raise fault from error
        return []


def _changed_ns(folder: Path) -> int:
    """When a file last came to a folder or left it; 0 where that cannot be told."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _is_there(folder: Path) -> bool:
    """Whether there is such a folder; where that cannot be found out, `check_folder` says why."""
    try:
        folder.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file does. Opens nothing, so that a file that is gone is noticed without a descriptor."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        found = check_trusted(path)
    else:
        check_entry(path, found)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
