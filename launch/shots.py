"""The pictures that paths mean: pictures, those of a folder, the frames of a clip."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..model.still_picture import PICTURE_SUFFIXES
from ..stream.options import SourceOptions
from ..stream.picture_folder import is_picture_file
from ..stream.reader import Reader, check_source
from ..stream.source_url import SourceUrl, kind_of, path_of
from .exits import InputError, RunError
from .pictures import read_all
from .sources import named_sources


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to look at.

    Args:
        image: (h, w, 3) uint8 RGB.
        width, height: of the original, px; `image` may be a smaller copy.
        index, time_s: of a clip's frame; a file of several pictures counts them in `index`.
        pages: how many pictures such a file holds.
    """

    source: SourceOptions
    image: NDArray[np.uint8]
    width: int
    height: int
    index: int = 0
    time_s: float = 0.0
    pages: int = 1


def sources_of(paths: list[str]) -> list[SourceOptions]:
    """What the paths mean, each checked; a folder means the pictures in it, in the order of their names.

    Raises:
        InputError: a path is none of these, or a folder holds no pictures.
        SourceError: nothing is there, or it cannot be read.
    """
    files: list[str] = []
    for text in paths:
        kind = kind_of(text)
        if kind == "file":
            check_source(SourceOptions("file", text))
            files.append(text)
        elif kind == "folder":
            inside = sorted(str(path) for path in Path(text).iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
            if not inside:
                raise InputError(f"folder {text} holds no pictures (.jpg, .png, ...): name another")
            files += inside
        else:
            raise InputError(
                f"{SourceUrl(text)} is not a picture, a folder or a clip: watch cameras with 'groundcast run'"
            )
    return [SourceOptions(name, url) for name, url in named_sources(files).items()]


def shots_of(source: SourceOptions, errors: list[str]) -> Iterator[Shot]:
    """Every picture of a source, in order; what went wrong is added to `errors`."""
    if is_picture(source):
        try:
            for index, still in enumerate(read_all(path_of(source.url))):
                yield Shot(source, still.image, still.width, still.height, index, pages=still.pages)
        except RunError as error:
            errors.append(str(error))
        return
    changed = threading.Event()
    reader = Reader(source, changed.set)
    reader.start()
    try:
        while not reader.finished:
            changed.clear()
            if taken := reader.frames.take():
                frame = taken[0]
                yield Shot(source, frame.rgb, frame.width, frame.height, frame.index, frame.time_s)
            elif not reader.finished:
                changed.wait(0.1)
    finally:
        reader.stop()
    if error := reader.stats().error:
        errors.append(error)


def is_picture(source: SourceOptions) -> bool:
    """Whether a source is a picture, or a file of several; else it is a clip."""
    return is_picture_file(source.url)
