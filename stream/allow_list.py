"""The clients that a node lets in: a folder of public keys for each purpose, which anybody can read and count."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from .key_files import KeyFileError, check_folder, make_folder, public_file, read_public, write_private

Purpose = Literal["watch", "control", "push"]
"""What a client may do: hear messages, change what the node does, send pictures of its own."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
_LOG = logging.getLogger(__name__)
_Listing = frozenset[tuple[str, int, int, int]]


class AllowList:
    """The keys allowed for one purpose, read again whenever their folder has changed. Without a folder nobody is.

    Raises:
        KeyFileError: others may write to the folder.
    """

    def __init__(self, keys: Path, purpose: Purpose) -> None:
        self._folder = _folder(keys, purpose)
        for folder in (keys, keys / "allowed", self._folder):
            if folder.exists():
                check_folder(folder)
        self._listing: _Listing = frozenset()
        self._names: dict[bytes, str] = {}
        self.refresh()

    def name_of(self, key: bytes) -> str | None:
        """Whose public key this is, or None if it is nobody's who is allowed."""
        return self._names.get(key)

    def refresh(self) -> bool:
        """Look at the folder; True if a key that was allowed is so no longer."""
        listing = _listing(self._folder)
        if listing == self._listing:
            return False
        before, self._listing = set(self._names), listing
        self._names = {}
        for name in sorted(file.removesuffix(".key") for file, *_ in listing):
            try:
                self._names[read_public(public_file(self._folder, name))] = name
            except KeyFileError as error:
                _LOG.warning("nobody is let in by a key that cannot be read: %s", error)
        return not before <= set(self._names)

    def __len__(self) -> int:
        return len(self._names)


def allow(keys: Path, name: str, public: Path, purposes: Sequence[Purpose]) -> None:
    """Let a client in.

    Args:
        keys: the node's folder of keys.
        name: what the client is called from now on.
        public: the file with its public key.
        purposes: what it may do.

    Raises:
        KeyFileError: no such key, another one under that name, or a folder that cannot be written to.
    """
    key = read_public(public)
    for purpose in PURPOSES:
        there = public_file(_folder(keys, purpose), name)
        if there.exists() and read_public(there) != key:
            raise KeyFileError(f"{there} allows another key under that name: groundcast keys revoke {name} first")
    try:
        for purpose in purposes:
            folder = _folder(keys, purpose)
            make_folder(keys)
            make_folder(folder.parent)
            make_folder(folder)
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
    """What each client may do, by name."""
    found: dict[str, tuple[Purpose, ...]] = {}
    for purpose in PURPOSES:
        for file in sorted(name for name, *_ in _listing(_folder(keys, purpose))):
            name = file.removesuffix(".key")
            found[name] = (*found.get(name, ()), purpose)
    return dict(sorted(found.items()))


def _folder(keys: Path, purpose: Purpose) -> Path:
    return keys / "allowed" / purpose


def _listing(folder: Path) -> _Listing:
    """Every key file, and what changes when it does."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".key"]
    except OSError:  # none yet, or none that may be read: then nobody is let in
        return frozenset()
    return frozenset(entry for path in paths if (entry := _entry(path)) is not None)


def _entry(path: Path) -> tuple[str, int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:  # removed since: the others stay
        return None
    return path.name, stat.st_ino, stat.st_mtime_ns, stat.st_size
