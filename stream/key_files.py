"""Key pairs as files: ZeroMQ's own certificate format, which other tools read and write too."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

from .topics import MessageError, check_name

NODE = "node"
"""The name of the pair that says who the node is; every other name is a client's."""

_TEXT = """\
#   {what} of groundcast, in the certificate format of ZeroMQ.
metadata
    name = "{name}"
curve
    public-key = "{public}"
"""


class KeyFileError(ValueError):
    """A key file that is missing, damaged or open to others; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two halves of one key, each 40 letters of Z85.

    Args:
        public: what others know the owner by.
        secret: what proves it.
    """

    public: bytes
    secret: bytes = field(repr=False)


def make_pair(folder: Path, name: str, *, force: bool = False) -> KeyPair:
    """Write NAME.key and NAME.key_secret, which this user alone can read.

    Args:
        folder: where to; made if it is not there.
        name: letters, digits, '_', '.' and '-'.
        force: put the new pair in the place of an old one.

    Raises:
        KeyFileError: there is such a pair already, or the folder cannot be written to.
    """
    public_path, secret_path = public_file(folder, name), secret_file(folder, name)
    there = next((path for path in (secret_path, public_path) if path.exists()), None)
    if there is not None and not force:
        raise KeyFileError(
            f"{there} is there already: choose another name, or give --force and its owner is locked out"
        )
    public, secret = zmq.curve_keypair()
    text = _TEXT.format(what="Public key", name=name, public=public.decode())
    try:
        make_folder(folder)
        write_private(public_path, text)
        write_private(secret_path, f'{text.replace("Public", "SECRET", 1)}    secret-key = "{secret.decode()}"\n')
    except OSError as error:
        raise KeyFileError(f"{folder} cannot hold keys ({error.strerror}): name another --folder") from error
    return KeyPair(public, secret)


def read_pair(path: Path) -> KeyPair:
    """Read a NAME.key_secret.

    Raises:
        KeyFileError: it is missing, is no key pair, or others can read it.
    """
    public, secret = _read(path)
    if secret is None:
        raise KeyFileError(f"{path} holds no secret key: give the file that ends in .key_secret")
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}")
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
        KeyFileError: it is missing, or holds no key.
    """
    return _read(path)[0]


def public_file(folder: Path, name: str) -> Path:
    """Where the public key of `name` lies; raises KeyFileError if that is no name."""
    return folder / f"{_checked(name)}.key"


def secret_file(folder: Path, name: str) -> Path:
    """Where the pair of `name` lies; raises KeyFileError if that is no name."""
    return folder / f"{_checked(name)}.key_secret"


def check_folder(folder: Path) -> None:
    """See that nobody else could have laid keys into a folder.

    Raises:
        KeyFileError: it is missing, or others may write to it.
    """
    try:
        mode = folder.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{folder} cannot be read ({error.strerror}): groundcast keys new {NODE}") from error
    if not stat.S_ISDIR(mode):
        raise KeyFileError(f"{folder} is no folder of keys: name the one that 'groundcast keys new' made")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise KeyFileError(f"{folder} can be written to by others (mode {mode & 0o777:o}): chmod 700 {folder}")


def make_folder(folder: Path) -> None:
    """Make a folder for this user alone, and those above it, where there is none."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, in the place of an old one: at every moment one of them is there."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    new.replace(path)


def _checked(name: str) -> str:
    try:
        return check_name(name)
    except MessageError as error:
        raise KeyFileError(str(error)) from error


def _read(path: Path) -> tuple[bytes, bytes | None]:
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError, IndexError) as error:  # pyzmq takes a line apart without looking
        reason = "holds no key" if path.is_file() and os.access(path, os.R_OK) else "cannot be read"
        raise KeyFileError(f"{path} {reason}: groundcast keys new {path.stem}, or copy it again") from error
    if not _is_key(public):
        raise KeyFileError(f"{path} is damaged, its public key is none: copy it again")
    return public, secret


def _is_key(text: bytes) -> bool:
    try:
        return len(z85.decode(text)) == 32
    except (KeyError, ValueError, struct.error):
        return False
