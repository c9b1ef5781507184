"""Files that only grow: what is appended is whole, and a line that a kill cut off is told from a whole one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from ..exits import RunError


def append(file: IO[bytes], data: bytes, path: Path) -> None:
    """Append all of the data to an unbuffered file.

    Args:
        path: of the file or its folder, for what is said.

    Raises:
        RunError: the disk takes no more.
    """
    try:
        while data:
            data = data[file.write(data) :]
    except OSError as error:
        raise full_disk(path, error) from error


def full_disk(path: Path, error: OSError) -> RunError:
    """What to say of a file that takes no more."""
    return RunError(f"{path} cannot be written ({error.strerror}): free some space, then the same command continues")


def parsed_line(line: bytes) -> dict[str, Any] | None:
    """The object of a complete line of JSON, else None."""
    if not line.endswith(b"\n"):
        return None
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None  # pyright: ignore[reportUnknownVariableType]
