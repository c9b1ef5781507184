"""Key files: CURVE key pairs in ZeroMQ's own certificate format, which other tools read and write too."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import errno
import os
import re
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from ..wire.topics import MessageError, check_name
from .trusted_path import TrustError, check_trusted

NODE = "node"
"""The name of the node's own pair; every other name is a client's."""

_MAX_FILE_BYTES = 4096
_LINE = re.compile(rb"""^[ \t]*(public|secret)-key[ \t]*=[ \t]*["']?([^"'\s]*)""", re.MULTILINE)
_LASTING_ERRORS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP})
_TEXT = """\
#   {what} of groundcast, in the certificate format of ZeroMQ.
metadata
    name = "{name}"
curve
    public-key = "{public}"
"""


class KeyFileError(ValueError):
    """A key file that is missing, damaged or open to others; the text says which, and what to do."""


class KeyReadError(KeyFileError):
    """A key file or a folder could not be read now; its content is unknown."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two halves of one key, each 40 letters of Z85.

    Args:
        public: identifies the owner.
        secret: proves it.
    """

    public: bytes
    secret: bytes = field(repr=False)


def make_pair(folder: Path, name: str, *, force: bool = False) -> KeyPair:
    """Write NAME.key and NAME.key_secret, which only this user can read.

    Args:
        folder: where to write; made if it is missing.
        name: letters, digits, '_', '.' and '-'.
        force: replace an old pair.

    Raises:
        KeyFileError: there is such a pair already, or the folder cannot be written to, or by others.
    """
    public_path, secret_path = public_file(folder, name), secret_file(folder, name)
    present = next((path for path in (secret_path, public_path) if path.exists()), None)
    if present is not None and not force:
        raise KeyFileError(
            f"{present} is there already: choose another name, or give --force and its owner is locked out"
        )
    public, secret = zmq.curve_keypair()
    text = _TEXT.format(what="Public key", name=name, public=public.decode())
    try:
        make_folder(folder)
        check_folder(folder)
        write_private(public_path, text)
        write_private(secret_path, f'{text.replace("Public", "SECRET", 1)}    secret-key = "{secret.decode()}"\n')
    except OSError as error:
        raise KeyFileError(f"{folder} cannot hold keys ({error.strerror}): name another --folder") from error
    return KeyPair(public, secret)


def read_pair(path: Path) -> KeyPair:
    """Read a NAME.key_secret.

    Raises:
        KeyFileError: it is missing, is no key pair, or other users can read it or could have put it there.
    """
    public, secret = _read(path, owner_only=True)
    if secret is None:
        raise KeyFileError(f"{path} holds no secret key: give the file that ends in .key_secret")
    if not _is_key(secret) or zmq.curve_public(secret) != public:
        raise KeyFileError(f"{path} is damaged, its two keys do not belong together: make a new pair")
    return KeyPair(public, secret)


def read_node_pair(folder: Path) -> KeyPair:
    """A node's own pair; raises KeyFileError as `check_folder` and `read_pair` do."""
    check_folder(folder)
    return read_pair(secret_file(folder, NODE))


def read_public(path: Path) -> bytes:
    """The public key in a NAME.key or a NAME.key_secret.

    Raises:
        KeyFileError: it is missing, holds no key, or other users could have put it there.
        KeyReadError: it cannot be read now.
    """
    return _read(path)[0]


def read_given_public(path: Path) -> bytes:
    """The public key in a file that a user names, to copy it now. It may belong to any user, as it came from elsewhere.

    Raises:
        KeyFileError: it is missing, holds no key, or every user may write to it.
    """
    return _read(path, is_given=True)[0]


def public_file(folder: Path, name: str) -> Path:
    """The file of the public key of `name`; raises KeyFileError if that is no name."""
    return folder / f"{_checked(name)}.key"


def secret_file(folder: Path, name: str) -> Path:
    """The file of the pair of `name`; raises KeyFileError if that is no name."""
    return folder / f"{_checked(name)}.key_secret"


def check_folder(folder: Path) -> None:
    """Check that no other user could have put keys into a folder, or replaced it.

    Raises:
        KeyFileError: it is missing, others may write to it, or it or a folder above it belongs to another user.
        KeyReadError: it cannot be read now.
    """
    try:
        mode = folder.stat().st_mode
        if not stat.S_ISDIR(mode):
            raise KeyFileError(f"{folder} is no folder of keys: name the one that 'groundcast keys new' made")
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise KeyFileError(f"{folder} can be written to by others (mode {mode & 0o777:o}): chmod 700 {folder}")
        check_trusted(folder)
    except TrustError as error:
        raise KeyFileError(str(error)) from error
    except OSError as error:
        raise read_error(error, f"{folder} cannot be read ({error.strerror}): groundcast keys new {NODE}") from error


def read_error(error: OSError, text: str) -> KeyFileError:
    """The error to raise where a file could not be opened: a `KeyReadError` unless the fault is the file's own."""
    return KeyFileError(text) if error.errno in _LASTING_ERRORS else KeyReadError(text)


def make_folder(folder: Path) -> None:
    """Make a folder that only this user can open, and its parents, where they are missing."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read. It replaces an old one at once, without a gap."""
    new_path = path.with_name(f".{path.name}.new")
    new_path.unlink(missing_ok=True)
    with os.fdopen(os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    new_path.replace(path)


def _checked(name: str) -> str:
    try:
        return check_name(name)
    except MessageError as error:
        raise KeyFileError(str(error)) from error


def _read(path: Path, *, owner_only: bool = False, is_given: bool = False) -> tuple[bytes, bytes | None]:
    """The public key, and the secret one if there is one."""
    try:
        trusted = path.stat()
        mode = trusted.st_mode
        if owner_only and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(f"{path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}")
        if is_given and mode & stat.S_IWOTH:
            raise KeyFileError(f"{path} can be written to by others (mode {mode & 0o777:o}): chmod go-w {path}")
        if not is_given:
            trusted = check_trusted(path)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe would block
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or not os.path.samestat(found, trusted):
                raise KeyFileError(f"{path} holds no key, it is no file: copy it again")
            text = file.read(_MAX_FILE_BYTES)
    except TrustError as error:
        raise KeyFileError(str(error)) from error
    except OSError as error:
        what_to_do = f"groundcast keys new {path.stem}, or copy it again"
        raise read_error(error, f"{path} cannot be read ({error.strerror}): {what_to_do}") from error
    values = dict(_LINE.findall(text))
    if b"public" not in values:
        raise KeyFileError(f"{path} holds no key: groundcast keys new {path.stem}, or copy it again")
    if not _is_key(values[b"public"]):
        raise KeyFileError(f"{path} is damaged, its public key is none: copy it again")
    return values[b"public"], values.get(b"secret")


def _is_key(text: bytes) -> bool:
    try:
        return len(z85.decode(text)) == 32
    except (KeyError, ValueError, struct.error):
        return False
