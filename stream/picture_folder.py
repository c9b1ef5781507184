"""A folder of pictures, read one after another."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from .colour import RgbConverter
from .options import SourceOptions
from .pace import Pacer
from .picture import Picture, StreamFacts
from .pulse import Pulse
from .source_url import SourceError, kind_of, path_of

_log = logging.getLogger(__name__)
_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".j2k", ".jp2", ".jpe", ".jpeg", ".jpg", ".jxl"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
_RATE_HZ = 25
_MAX_NAMED = 5  # files in one sentence
_DIGITS = re.compile(r"(\d+)")


class PictureFolder:
    """The pictures that lie directly in a folder, in the order a person would count them (2 before 10).

    Files with another suffix are left alone. A picture that cannot be read counts as corrupt, and is named in the log
    and the status. The times are those of a video at 25 pictures a second.

    Raises:
        SourceError: there is no picture.
    """

    def __init__(self, options: SourceOptions, pause: Callable[[float], bool]) -> None:
        self.facts = StreamFacts(live=False, dated=False, container="folder", codec="pictures", rate_hz=None)
        self.rate_hz = float(_RATE_HZ)
        self.held_back_s = 0.0
        self.shortfall: str | None = None
        now_ns = time.monotonic_ns()
        self.pulse = Pulse(now_ns, now_ns)
        self._options = options
        self._unreadable: list[str] = []
        self._paths = _list_pictures(path_of(options.url), options.url)
        self._pacer = Pacer(pause) if options.pace == "realtime" else None
        self._converter = RgbConverter()

    def pictures(self) -> Iterator[Picture]:
        for number, path in enumerate(self._paths):
            if self._pacer and not self._pacer.wait_for(number / _RATE_HZ):
                return
            self.pulse.beat(moved=True, is_key=True)
            received_ns, file = self.pulse.packet_ns, _readable_name(path)
            yield Picture(partial(self._read, path), None, (1, _RATE_HZ), None, None, received_ns, file=file)

    def close(self) -> None:
        """Nothing stays open."""

    def _read(self, path: Path) -> NDArray[np.uint8] | None:
        try:
            with path.open("rb") as file, av.open(file, "r", metadata_errors="replace") as container:
                return self._converter.convert(next(container.decode(container.streams.video[0])))
        except (FFmpegError, OSError, IndexError, StopIteration):
            self._note_unreadable(_readable_name(path))
            return None

    def _note_unreadable(self, name: str) -> None:
        if not self._options.loop:  # every round would say it again
            _log.warning("source %s: %s cannot be read and is left out", self._options.name, name)
        self._unreadable.append(name)
        self.pulse.corrupt = count = len(self._unreadable)
        named = ", ".join(self._unreadable[:_MAX_NAMED])
        named += f" and {count - _MAX_NAMED} more" if count > _MAX_NAMED else ""
        where = f"{count} of {len(self._paths)} pictures in {self._options.url}"
        self.pulse.warning = self.shortfall = f"{where} cannot be read: {named}"


def are_single_pictures(options: SourceOptions) -> bool:
    """Whether a source's pictures have nothing to do with each other: a folder that is not said to be a video."""
    with suppress(SourceError):  # the reader says what is wrong with the URL
        return options.folder == "pictures" and kind_of(options.url) == "folder"
    return False


def _list_pictures(folder: Path, where: str) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file()]
    except OSError as error:
        raise SourceError(f"{where} cannot be listed ({error.strerror}): check its permissions") from None
    if not paths:
        raise SourceError(f"{where} is a folder without pictures (.jpg, .png, ...): name the right folder, or a file")
    return sorted(paths, key=_counted)


def _counted(path: Path) -> list[tuple[int, int | str]]:
    """A key that sorts as a person counts: the digits in a name are numbers."""
    parts = _DIGITS.split(path.name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def _readable_name(path: Path) -> str:
    """A file's name as text that may travel: what is no UTF-8 in it is replaced."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
