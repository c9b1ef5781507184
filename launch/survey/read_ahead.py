"""Read-ahead: decodes the next pictures in threads while the model works on earlier ones."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ...model.pictures.exif_time import read_capture_time
from ...model.pictures.still_picture import StillError, read_header
from ...stream.options import SourceOptions
from ...stream.source_url import path_of
from ..show.image_inputs import InputImage, Unread, images_of, is_picture

_MAX_THREADS = 8


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file whose pictures can be read, in order.

    Args:
        source: the file.
        is_clip: whether it is a clip.
        taken: when its picture was taken, by EXIF.
        images: its pictures; decoded already where it is a single one.
    """

    source: SourceOptions
    is_clip: bool
    taken: str | None
    images: Iterator[InputImage | Unread]


def read_ahead(
    files: Sequence[SourceOptions], faults: Callable[[str], str | None], threads: int | None = None
) -> Iterator[OpenedFile]:
    """Open files in order; single pictures are decoded ahead, `threads` + 1 at most.

    The frames of a clip come from its reader's thread, one ahead.

    Args:
        files: what to open.
        faults: why a file cannot be opened, by its path; None where it can.
        threads: None is half the cores, 8 at most.
    """
    count = threads or max(1, min(_MAX_THREADS, (os.cpu_count() or 2) // 2))
    waiting: deque[Future[OpenedFile]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="decode") as pool:
        try:
            for source in files:
                waiting.append(pool.submit(_open, source, faults(source.url)))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _open(source: SourceOptions, fault: str | None) -> OpenedFile:
    is_clip = not is_picture(source)
    if fault is not None:
        return OpenedFile(source, is_clip, None, iter([Unread(source, fault)]))
    if is_clip:
        return OpenedFile(source, is_clip, None, images_of(source))
    taken, images = read_capture_time(path_of(source.url)), images_of(source)
    return OpenedFile(source, is_clip, taken, iter(list(images)) if _is_single(source) else images)


def _is_single(source: SourceOptions) -> bool:
    """Whether a file holds one picture, or cannot be read; the others are decoded one by one."""
    try:
        return read_header(path_of(source.url)).pages == 1
    except StillError:
        return True
