"""Clip folder: names of clips, and which are removed when they are too many or too old."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from .clip_file import ClipError

_CLIP = re.compile(r"[A-Za-z0-9_.-]{1,64}_\d{8}T\d{6}\.\d{3}Z(?:-\d{1,4})?\.mp4")
_DAY_S = 86_400.0


class ClipFolder:
    """The folder of a node's clips. Files with other names are left alone.

    Args:
        path: the folder; it is made.
        max_bytes: of all clips with their JSON files.
        max_days: older clips are removed.

    Raises:
        ClipError: it cannot be made or listed.
    """

    def __init__(self, path: Path, max_bytes: int, max_days: float) -> None:
        self.path = path
        self._max_bytes, self._max_days = max_bytes, max_days
        try:
            path.mkdir(parents=True, exist_ok=True)
            for part in path.glob(".*.mp4.part"):  # of a node that was killed
                part.unlink(missing_ok=True)
        except OSError as error:
            raise ClipError(f"folder {path} for clips cannot be used ({error.strerror}): name another") from error

    def new_clip(self, source: str, unix_ns: int) -> Path:
        """A path that no clip has yet."""
        moment = datetime.fromtimestamp(unix_ns / 1e9, UTC)
        stem = f"{source}_{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z"
        names = (f"{stem}{f'-{number}' if number else ''}.mp4" for number in range(10_000))
        return next(path for name in names if not (path := self.path / name).exists())

    def remove_old(self) -> None:
        """Remove the oldest clips until all limits hold; the newest one stays."""
        clips: list[tuple[float, int, Path]] = []
        for path in self.path.iterdir():
            if _CLIP.fullmatch(path.name):
                with suppress(OSError):
                    found = path.stat()
                    clips.append((found.st_mtime, found.st_size + _size(path.with_suffix(".json")), path))
        clips.sort()
        total, oldest_s = sum(size for _, size, _ in clips), time.time() - self._max_days * _DAY_S
        for changed_s, size, path in clips[:-1]:
            if total <= self._max_bytes and changed_s >= oldest_s:
                break
            with suppress(OSError):
                path.with_suffix(".json").unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                total -= size


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
