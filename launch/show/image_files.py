"""Reads pictures from files; large ones are made smaller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...model.pictures.still_picture import StillError, StillPicture, read_pictures
from ..exits import RunError, say

_MAX_PIXELS = 40_000_000  # thirty times what any network uses


def read_all(path: Path, *, only_first: bool = False) -> Iterator[StillPicture]:
    """Every picture of a file, upright. One that is too large for the memory is made smaller, with a message.

    Args:
        path: the file.
        only_first: read the first alone and do not count the others.

    Raises:
        RunError: there is no picture in the file, or only a part of one.
    """
    try:
        for still in read_pictures(path, _MAX_PIXELS, only_first=only_first):
            height, width = still.image.shape[:2]
            if width < still.width:
                size = f"{still.width}x{still.height}"
                say(f"{path} has {size} px: it is read at {width}x{height}, boxes stay in its own px")
            yield still
    except StillError as error:
        raise RunError(f"{path} is no picture that can be read ({error}): check the file") from error


def read_whole(path: Path) -> StillPicture:
    """The first picture of a file at its full size, upright, with a message where it has others.

    Raises:
        RunError: there is no picture in the file, only a part of one, or one that is too large.
    """
    try:
        first = next(read_pictures(path))
    except StillError as error:
        raise RunError(f"{path} is no picture that can be read ({error}): check the file") from error
    return _only(first, path)


def read_picture(path: Path) -> StillPicture:
    """The first picture of a file, as `read_all` reads it, with a message where it has others."""
    return _only(next(read_all(path)), path)


def _only(first: StillPicture, path: Path) -> StillPicture:
    if first.pages > 1:
        say(f"{path} holds {first.pages} pictures: only the first is used")
    return first
