"""The pictures of an input file: one picture, the pages of an animation, or the frames of a clip."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections
from ...stream.capture.picture_folder import is_picture_file
from ...stream.capture.reader import Reader
from ...stream.options import SourceOptions
from ...stream.source_url import path_of
from ..exits import RunError, say
from .image_files import read_all


@dataclass(frozen=True, slots=True)
class InputImage:
    """One picture to detect in.

    Args:
        image: (h, w, 3) uint8 RGB.
        width, height: of the original, px; `image` may be a smaller copy.
        index, time_s: of a clip's frame; `index` also counts the pages of a file with several pictures.
        pages: how many pictures the file contains.
        rate_hz: of a clip, as stated in it.
    """

    source: SourceOptions
    image: NDArray[np.uint8]
    width: int
    height: int
    index: int = 0
    time_s: float = 0.0
    pages: int = 1
    rate_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or the rest of one, that could not be read, and why."""

    source: SourceOptions
    reason: str


def images_of(source: SourceOptions) -> Iterator[InputImage | Unread]:
    """Every picture of a source, in order; at the end what could not be read."""
    return _pictures(source) if is_picture(source) else _frames(source)


def _pictures(source: SourceOptions) -> Iterator[InputImage | Unread]:
    try:
        for index, still in enumerate(read_all(path_of(source.url))):
            yield InputImage(source, still.image, still.width, still.height, index, pages=still.pages)
    except RunError as error:
        yield Unread(source, str(error))


def _frames(source: SourceOptions) -> Iterator[InputImage | Unread]:
    changed = threading.Event()
    reader = Reader(source, changed.set)
    reader.start()
    try:
        while not reader.finished:
            changed.clear()
            if taken := reader.frames.take():
                frame = taken[0]
                rate_hz = reader.facts.rate_hz if reader.facts else None
                yield InputImage(
                    source, frame.rgb, frame.width, frame.height, frame.index, frame.time_s, rate_hz=rate_hz
                )
            elif not reader.finished:
                changed.wait(0.1)
    finally:
        reader.stop()
    if reader.facts is not None and reader.facts.notice:
        say(f"{source.url}: {reader.facts.notice}")
    stats = reader.stats()
    if stats.error is not None:
        yield Unread(source, stats.error)


def in_original(found: Detections, shot: InputImage) -> Detections:
    """Detections in a picture that may have been made smaller, in px of the original."""
    scale = shot.width / shot.image.shape[1]
    return found if scale == 1.0 else replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))


def is_picture(source: SourceOptions) -> bool:
    """Whether a source is a picture, or a file of several; else it is a clip."""
    return is_picture_file(source.url)
