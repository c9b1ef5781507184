"""Recording rotation: one file after the other, and removal of the oldest."""

from __future__ import annotations

import glob
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .format import Recorded, RecordingWriteError
from .mcap_writer import McapWriter

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RotationOptions:
    """When a new file is begun, and what is kept.

    Args:
        rotate_bytes, rotate_s: the size, and the age, at which a file is finished.
        keep: how many files are kept at most, the one being written among them; None keeps all.
        max_bytes: the size of all files together; None sets no limit.
    """

    rotate_bytes: float = 1e9
    rotate_s: float = 3600.0
    keep: int | None = None
    max_bytes: float | None = None


class RotatingRecording:
    """Writes messages into `path`, then `path-0002`, `path-0003`...; each is complete in itself.

    It removes only files that it has written itself.

    Attributes:
        removed: the number of files that were removed.

    Raises:
        RecordingWriteError: a file of that name is there already, or (from every method) the disk is full or fails.
    """

    def __init__(self, path: Path, options: RotationOptions, about: Mapping[str, str]) -> None:
        others = path.parent.glob(f"{glob.escape(path.stem)}-[0-9][0-9][0-9][0-9]{glob.escape(path.suffix)}")
        for taken in (path, *others):
            if taken.exists():
                raise RecordingWriteError(f"{taken} is there already: name another file, or move it away")
        self.removed = 0
        self._path = path
        self._options = options
        self._about = {**about, "recording": str(time.time_ns())}
        self._number = 0
        self._finished: list[tuple[Path, int]] = []  # with their sizes, the oldest first
        self._file = self._begin()

    @property
    def files(self) -> list[Path]:
        """The files that are kept, the oldest first."""
        return [*(path for path, _ in self._finished), self._file.path]

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size in self._finished) + self._file.size_bytes

    def put(self, topic: bytes, parts: Sequence[bytes], published_unix_ns: int | None, seq: int) -> Recorded:
        """Add one message; see `McapWriter.put`."""
        options = self._options
        is_full = self._file.size_bytes >= options.rotate_bytes and self._file.messages > 0
        if is_full or self._file.age_s >= options.rotate_s:
            finished = self._file
            finished.close()
            self._file = self._begin()  # which may fail: until then the finished one is the last
            self._finished.append((finished.path, finished.size_bytes))
            self._remove_oldest()
        return self._file.put(topic, parts, published_unix_ns, seq)

    def flush_when_due(self) -> None:
        """Call it several times a second, also while no message comes."""
        self._file.flush_when_due()
        self._remove_oldest()

    def close(self) -> None:
        """Finish the file. Twice does no harm."""
        self._file.close()

    def _begin(self) -> McapWriter:
        self._number += 1
        path = self._path
        if self._number > 1:
            path = path.with_name(f"{path.stem}-{self._number:04}{path.suffix}")
        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        return McapWriter(path, {**self._about, "file": str(self._number), "began": began})

    def _remove_oldest(self) -> None:
        options = self._options
        while self._finished and (
            (options.keep is not None and len(self._finished) >= options.keep)
            or (options.max_bytes is not None and self.size_bytes > options.max_bytes)
        ):
            path, _ = self._finished.pop(0)
            path.unlink(missing_ok=True)
            self.removed += 1
            _LOG.info("%s was removed to make room for newer files", path)
