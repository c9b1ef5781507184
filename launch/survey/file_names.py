"""Names of a survey's files in its results: relative to the folder that was surveyed, with forward slashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ...stream.source_url import path_of


def plain_path(path: str) -> Path:
    """An absolute path without `..`, which is the same however the file was named."""
    return Path(os.path.abspath(path_of(path)))  # noqa: PTH100  pathlib keeps `..`


def namer(paths: Sequence[str]) -> Callable[[str], str]:
    """The function that gives a file's name, from its path.

    Args:
        paths: the files and folders of the command line. The names are relative to the one folder, or to what all of
            them have in common, so that no name leads out of a folder with `..`.
    """
    given = [plain_path(path) for path in paths]
    base = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in given]))
    return lambda path: plain_path(path).relative_to(base).as_posix()
