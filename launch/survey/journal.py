"""Journal of a survey: one line for each file that is done, so that the same command continues after a kill."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..exits import InputError, writing
from .append_file import append, parsed_line
from .entry import FileEntry, entry_from_json, entry_to_json

_FORMAT = 1


class Journal:
    """The file of results so far. A file's line is written once the whole file is done, and never changed.

    A line that a kill or a full disk cut off is removed when the journal is opened again. Of two lines for one file the
    later counts: a file that has changed since, or could not be read, is done again. Only one process may have it open.

    Args:
        path: of the file, which is made if it is missing.
        settings: what the results depend on, as a flat map. They are stored in the first line.
        overwrite: begin anew, whatever the file contains.
        option: the command's option that names the folder, for what is said to the user.

    Raises:
        InputError: it has results of other settings, another process has it open, or it cannot be written.
    """

    def __init__(self, path: Path, settings: dict[str, Any], *, overwrite: bool, option: str = "--out") -> None:
        self._path, self._option = path, option
        self._places: dict[str, tuple[_Line, tuple[int, int]]] = {}  # where a path's line is; its size and time
        self._failed: set[str] = set()
        with writing(path):
            self._file: IO[bytes] = path.open("a+b", buffering=0)
        try:
            self._lock()
            if overwrite:
                self._file.truncate(0)
            self._read(settings)
        except BaseException:
            self._file.close()
            raise

    def is_done(self, path: str) -> bool:
        """Whether a file has a result without a failure, and has not changed since."""
        place = self._places.get(path)
        return place is not None and path not in self._failed and place[1] == file_stamp(path)

    def add(self, entry: FileEntry) -> None:
        """Append the result of a file.

        Raises:
            RunError: the disk takes no more.
        """
        size, changed_ns = file_stamp(entry.path)
        place = self._file.seek(0, os.SEEK_END)
        length = self._write({"size": size, "changed_ns": changed_ns, **entry_to_json(entry)})
        self._remember(entry, _Line(place, length), (size, changed_ns))

    def entries(self, paths: Iterable[str]) -> Iterator[FileEntry]:
        """The results of these files, in this order; those without one are left out."""
        for path in paths:
            if path in self._places:
                line = self._places[path][0]
                yield entry_from_json(json.loads(os.pread(self._file.fileno(), line.length, line.place)))

    def failed(self, paths: Iterable[str]) -> int:
        """How many of these files could not be read, or not to their end."""
        return sum(path in self._failed for path in paths)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{self._path} is being written by another run: wait for it, or name another {self._option}"
            ) from error

    def _read(self, settings: dict[str, Any]) -> None:
        """Read what is there, and cut off what follows the last complete line."""
        header = {"groundcast_survey": _FORMAT, **settings}
        self._file.seek(0)
        end = place = 0
        begun: dict[str, Any] | None = None
        with self._path.open("rb") as reading:
            for line in reading:
                values = parsed_line(line)
                if values is None:
                    break
                if begun is None:
                    begun = values
                    self._check_kind(begun)
                else:
                    self._check_settings(begun, header)
                    self._note(_Line(place, len(line)), values)
                place = end = place + len(line)
        if begun != header:  # no result depends on the former settings: the command failed, such as with a wrong model
            end = 0
        self._file.truncate(end)
        if end == 0:
            self._write(header)

    def _check_kind(self, begun: dict[str, Any]) -> None:
        if "groundcast_survey" not in begun:
            raise InputError(f"{self._path} is no journal of groundcast: name another folder with {self._option}")

    def _check_settings(self, begun: dict[str, Any], header: dict[str, Any]) -> None:
        if begun == header:
            return
        changed = [name for name in {**begun, **header} if begun.get(name) != header.get(name)]
        what = ", ".join(f"{name} {begun.get(name)!r} is now {header.get(name)!r}" for name in changed)
        raise InputError(
            f"{self._path} was begun with other settings ({what}): give the same command to continue, name another "
            f"{self._option}, or begin anew with --overwrite"
        )

    def _note(self, line: _Line, values: dict[str, Any]) -> None:
        try:
            entry, stamp = entry_from_json(values), (int(values["size"]), int(values["changed_ns"]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"{self._path} holds a line that is no result: begin anew with --overwrite") from error
        self._remember(entry, line, stamp)

    def _remember(self, entry: FileEntry, line: _Line, stamp: tuple[int, int]) -> None:
        self._places[entry.path] = line, stamp
        (self._failed.discard if entry.failure is None else self._failed.add)(entry.path)

    def _write(self, values: dict[str, Any]) -> int:
        """Append a line; returns its length."""
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        append(self._file, line, self._path)
        return len(line)


class _Line(NamedTuple):
    """Where a line of the file is, and how long it is, bytes."""

    place: int
    length: int


def read_journal(path: Path) -> tuple[dict[str, Any], list[FileEntry]]:
    """The settings and the results of a journal as it is now. Another run may be writing it.

    Returns:
        The first line; and of each file its last result, in the order of their first.

    Raises:
        InputError: it is no journal, or cannot be read.
    """
    header: dict[str, Any] = {}
    entries: dict[str, FileEntry] = {}
    try:
        with path.open("rb") as reading:
            for number, line in enumerate(reading):
                values = parsed_line(line)
                if values is None:
                    break
                if number == 0:
                    header = values
                else:
                    entry = entry_from_json(values)
                    entries[entry.path] = entry
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path} holds a line that is no result") from error
    if "groundcast_survey" not in header:
        raise InputError(f"{path} is no journal of groundcast")
    return header, list(entries.values())


def file_stamp(path: str) -> tuple[int, int]:
    """A file's size and its time of change; zeros where it cannot be asked."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_size, found.st_mtime_ns
