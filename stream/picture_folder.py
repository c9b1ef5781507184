"""A folder of pictures, read one after another as if they were a video."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
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
from .source_url import SourceError, path_of

_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".j2k", ".jp2", ".jpe", ".jpeg", ".jpg", ".jxl"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
_RATE_HZ = 25
_DIGITS = re.compile(r"(\d+)")


class PictureFolder:
    """The pictures that lie directly in a folder, in the order a person would count them (2 before 10).

    Files with another suffix are left alone; a picture that cannot be read counts as corrupt. The times are those of
    a video at 25 pictures a second.

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
        self._where = options.url
        self._paths = _list_pictures(path_of(options.url), self._where)
        self._pacer = Pacer(pause) if options.pace == "realtime" else None
        self._converter = RgbConverter()

    def pictures(self) -> Iterator[Picture]:
        for number, path in enumerate(self._paths):
            if self._pacer and not self._pacer.wait_for(number / _RATE_HZ):
                return
            self.pulse.beat(moved=True, is_key=True)
            yield Picture(partial(self._read, path), None, (1, _RATE_HZ), None, None, self.pulse.packet_ns)

    def close(self) -> None:
        """Nothing stays open."""

    def _read(self, path: Path) -> NDArray[np.uint8] | None:
        try:
            with path.open("rb") as file, av.open(file, "r", metadata_errors="replace") as container:
                return self._converter.convert(next(container.decode(container.streams.video[0])))
        except (FFmpegError, OSError, IndexError, StopIteration):
            self.pulse.corrupt += 1
            self.shortfall = f"{self.pulse.corrupt} of {len(self._paths)} pictures in {self._where} cannot be read"
            return None


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
