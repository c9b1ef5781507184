"""Token file: the secret that a browser or a program must know, in a file that only its owner can read."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

MIN_CHARACTERS = 16
_MAX_BYTES = 4096
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what may stand in an Authorization header


class TokenError(ValueError):
    """The token file cannot be used; one sentence says why and what to do."""


def read_token(path: Path) -> str:
    """The token in a file. A file that is missing is made, with a new random token and mode 600.

    Raises:
        TokenError: other users can read or own it, it holds no token, or it cannot be read or made.
    """
    try:
        return _made(path)
    except FileExistsError:
        pass
    except OSError as error:
        raise TokenError(f"token file {path} cannot be made ({error.strerror}): name another file") from error
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise TokenError(f"token file {path} is not a file: name another")
            if found.st_uid not in (0, os.geteuid()):
                raise TokenError(f"token file {path} belongs to another user, who can change it: name one of your own")
            if found.st_mode & 0o077:
                mode = found.st_mode & 0o777
                raise TokenError(f"token file {path} can be read by others (mode {mode:o}): chmod 600 {path}")
            text = file.read(_MAX_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise TokenError(f"token file {path} cannot be read ({error.strerror}): name another file") from error
    if len(text) < MIN_CHARACTERS or not _TOKEN.fullmatch(text):
        raise TokenError(
            f"token file {path} must hold one line of {MIN_CHARACTERS} or more letters, digits or ._~+/=-: "
            "delete it to have a new one made"
        )
    return text


def _made(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    return token
