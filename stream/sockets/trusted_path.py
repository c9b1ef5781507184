"""Trusted paths: whether only this user and root could have written a file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_ROOT = 0
_MAX_LINKS = 40
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class TrustError(PermissionError):
    """Another user could change a file, or replace it; the text says where."""


def check_trusted(path: Path) -> os.stat_result:
    """Check the owner and the mode of every folder and link on the way to a file, and of the file. Opens nothing.

    A folder that all users may write to, but with the sticky bit (/tmp), is trusted.

    Returns:
        What `stat` says of the file.

    Raises:
        TrustError: another user owns a part of the path, or may write to it.
        OSError: a part of it is missing, or cannot be read.
    """
    current, links = Path("/"), 0
    parts = list(reversed((path if path.is_absolute() else Path.cwd() / path).parts[1:]))
    while parts:
        part = parts.pop()
        following = current.parent if part == ".." else current / part
        found = following.lstat()
        check_entry(following, found)
        if not stat.S_ISLNK(found.st_mode):
            current = following
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = following.readlink()
        parts += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        current = Path("/") if target.is_absolute() else current
    return current.lstat()


def check_entry(path: Path, found: os.stat_result) -> None:
    """Check the owner and the mode of one part of a path.

    Args:
        path: where it lies.
        found: what `lstat` says of it.

    Raises:
        TrustError: it belongs to another user, or others may write to it.
    """
    user = os.geteuid()
    if found.st_uid not in (_ROOT, user):
        raise TrustError(f"{path} belongs to another user ({found.st_uid}, not {user}): chown it, or make it as {user}")
    if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        return
    if found.st_mode & _OTHERS_WRITE:
        mode = found.st_mode & 0o7777
        raise TrustError(f"{path} can be written to by others (mode {mode:o}): chmod go-w {path}")
