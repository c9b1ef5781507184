"""Trusted paths: whether this user and root alone could have put there what lies there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_ROOT = 0
_MAX_LINKS = 40
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class TrustError(PermissionError):
    """Another user could have changed a file, or could put another one in its place; the text says where."""


def check_trusted(path: Path) -> os.stat_result:
    """Check the owner and the mode of every folder and link on the way to a file, and of the file. Opens nothing.

    A folder that all may write to, but where they can remove only what is theirs (/tmp), is no danger by itself.

    Returns:
        What `stat` says of the file.

    Raises:
        TrustError: another user owns a part of the path, or may write to it.
        OSError: a part of it is not there, or cannot be looked at.
    """
    place, links = Path("/"), 0
    ahead = list(reversed((path if path.is_absolute() else Path.cwd() / path).parts[1:]))
    while ahead:
        part = ahead.pop()
        there = place.parent if part == ".." else place / part
        found = there.lstat()
        check_entry(there, found)
        if not stat.S_ISLNK(found.st_mode):
            place = there
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = there.readlink()
        ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        place = Path("/") if target.is_absolute() else place
    return place.lstat()


def check_entry(place: Path, found: os.stat_result) -> None:
    """Check the owner and the mode of one part of a path.

    Args:
        place: where it lies.
        found: what `lstat` says of it.

    Raises:
        TrustError: it belongs to another user, or others may write to it.
    """
    user = os.geteuid()
    if found.st_uid not in (_ROOT, user):
        raise TrustError(
            f"{place} belongs to another user ({found.st_uid}, not {user}): chown it, or make it as {user}"
        )
    if stat.S_ISLNK(found.st_mode) or (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
        return
    if found.st_mode & _OTHERS_WRITE:
        mode = found.st_mode & 0o7777
        raise TrustError(f"{place} can be written to by others (mode {mode:o}): chmod go-w {place}")
