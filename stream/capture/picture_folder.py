"""Picture files as a source: those of a folder in order, or a single one."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from ...model.image import Rgb
from ...model.pictures.still_picture import (
    StillError,
    StillPicture,
    is_picture_path,
    read_header,
    read_pictures,
)
from ..decode.opened_source import StreamFacts, TimedPicture
from ..options import SourceOptions
from ..source_url import SourceError, kind_of, path_of
from ..timing.liveness import Liveness
from ..timing.pacer import Pacer

_log = logging.getLogger(__name__)
_RATE_HZ = 25
_MS = (1, 1000)
_MAX_NAMED = 5  # files in one sentence
_DIGITS = re.compile(r"(\d+)")


class PictureFolder:
    """The pictures that lie directly in a folder, in natural order (2 before 10), or in one file.

    A file may hold several pictures, the frames of an animation or the pages of a TIFF: each is one. Files that are
    read as no picture are ignored. A picture that cannot be read counts as corrupt, and is named in the log and the
    status. The times are those of a video at 25 pictures a second; an animation that is a source by itself keeps its
    own.

    Raises:
        SourceError: there is no picture.
    """

    def __init__(self, options: SourceOptions, pause: Callable[[float], bool]) -> None:
        path = path_of(options.url)
        self._is_alone = not path.is_dir()
        codec = _kind_of_picture(path, options.url) if self._is_alone else "pictures"
        container = "file" if self._is_alone else "folder"
        self.facts = StreamFacts(live=False, dated=False, container=container, codec=codec, rate_hz=None)
        self.rate_hz = float(_RATE_HZ)
        self.held_back_s = 0.0
        self.shortfall: str | None = None
        now_ns = time.monotonic_ns()
        self.liveness = Liveness(now_ns, now_ns)
        self._options = options
        self._unreadable: list[str] = []
        self._paths = [path] if self._is_alone else _list_pictures(path, options.url)
        self._pacer = Pacer(pause) if options.pace == "realtime" else None

    def pictures(self) -> Iterator[TimedPicture]:
        at_ms = 0.0
        for path, image, shown_ms in self._all():
            if self._pacer and not self._pacer.wait_for(at_ms / 1000):
                return
            self.liveness.beat(moved=True, is_key=True)
            if self._is_alone:
                yield TimedPicture(image, round(at_ms), _MS, None, None, self.liveness.packet_ns)
            else:
                received_ns, file = self.liveness.packet_ns, _readable_name(path)
                yield TimedPicture(image, None, (1, _RATE_HZ), None, None, received_ns, file=file)
            at_ms += (self._is_alone and shown_ms) or 1000 / _RATE_HZ

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _all(self) -> Iterator[tuple[Path, Callable[[], Rgb | None], float | None]]:
        """Each picture's file, a function that decodes it, and for how long an animation shows it."""
        for path in self._paths:
            try:
                if read_header(path).pages == 1:
                    yield path, partial(self._read, path), None
                    continue
                for still in read_pictures(path):
                    yield path, partial(_image, still), still.shown_ms
            except StillError as error:
                self._note_unreadable(_readable_name(path), error)

    def _read(self, path: Path) -> Rgb | None:
        try:
            return next(read_pictures(path)).image
        except StillError as error:
            self._note_unreadable(_readable_name(path), error)
            return None

    def _note_unreadable(self, name: str, error: StillError) -> None:
        if not self._options.loop:  # every round would log it again
            _log.warning("source %s: %s cannot be read and is left out: %s", self._options.name, name, error)
        self._unreadable.append(name)
        self.liveness.corrupt = count = len(self._unreadable)
        named = ", ".join(self._unreadable[:_MAX_NAMED])
        named += f" and {count - _MAX_NAMED} more" if count > _MAX_NAMED else ""
        where = f"{count} of {len(self._paths)} pictures in {self._options.url} cannot be read: {named}"
        self.liveness.warning = self.shortfall = f"{where} ({error})" if self._is_alone else where


def is_picture_file(url: str) -> bool:
    """Whether a file is read as a picture, or as several; else as a video. See `is_picture_path`."""
    return is_picture_path(path_of(url))


def are_single_pictures(options: SourceOptions) -> bool:
    """Whether a source's pictures are unrelated: those of a folder that is not set to be a video, the pages of a TIFF,
    a single picture.
    """
    with suppress(SourceError):  # the reader reports what is wrong with the URL
        kind = kind_of(options.url)
        is_still = kind == "file" and is_picture_file(options.url) and not _moves(path_of(options.url))
        return options.folder == "pictures" and (kind == "folder" or is_still)
    return False


def natural_order(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """A sort key in which the digits in a name are numbers: 2 before 10."""
    parts = _DIGITS.split(path.name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], path.name


def _image(still: StillPicture) -> Rgb:
    return still.image


def _moves(path: Path) -> bool:
    with suppress(StillError):  # the reader reports it
        return read_header(path).is_animation
    return False


def _kind_of_picture(path: Path, where: str) -> str:
    try:
        return read_header(path).kind
    except StillError as error:
        raise SourceError(f"{where} is no picture that can be read ({error}): check the file") from error


def _list_pictures(folder: Path, where: str) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.is_file() and is_picture_path(path)]
    except OSError as error:
        raise SourceError(f"{where} cannot be listed ({error.strerror}): check its permissions") from None
    if not paths:
        raise SourceError(f"{where} is a folder without pictures (.jpg, .png, ...): name the right folder, or a file")
    return sorted(paths, key=natural_order)


def _readable_name(path: Path) -> str:
    """A file's name as text for a message: bytes that are no UTF-8 are replaced."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
