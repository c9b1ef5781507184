"""Finds the input files of `groundcast detect`: searches folders with their subfolders, and lists what it skips."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model.pictures.still_picture import is_picture_path
from ...stream.capture.open_source import check_source
from ...stream.capture.picture_folder import natural_order
from ...stream.options import SourceOptions
from ...stream.source_url import SourceError, SourceUrl, kind_of, path_of
from ..exits import InputError

RESULTS = "detections.jsonl"
JOURNAL = "groundcast-journal.jsonl"
CLIP_SUFFIXES = frozenset(
    {".264", ".265", ".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".ivf", ".m2ts", ".m4v", ".mjpeg"}
    | {".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mpjpeg", ".mts", ".mxf", ".obu", ".ogv", ".ts", ".vob"}
    | {".webm", ".wmv", ".y4m"}
)
_MAX_NAMED = 5  # files in one sentence


@dataclass(frozen=True, slots=True)
class InputFiles:
    """What was found under some paths.

    Args:
        files: pictures and clips in the order of the paths, and in a folder in natural order (2 before 10).
        faults: why a path, or a named file, cannot be used; by the path as written.
        left_out: files in the folders that are neither pictures nor clips.
        results: folders with results of an earlier run, which are skipped.
    """

    files: tuple[str, ...]
    faults: dict[str, str]
    left_out: tuple[Path, ...]
    results: tuple[Path, ...]

    @property
    def remarks(self) -> list[str]:
        """A sentence about each kind of file that is skipped."""
        said = [f"{folder} contains results of an earlier run: skipped" for folder in self.results]
        if self.left_out:
            names = ", ".join(map(str, self.left_out[:_MAX_NAMED]))
            more = f" and {len(self.left_out) - _MAX_NAMED} more" if len(self.left_out) > _MAX_NAMED else ""
            said.append(f"skipped, neither pictures nor clips: {names}{more}")
        return said


def find_files(paths: Sequence[str], out: Path | None = None) -> InputFiles:
    """Every picture and clip under the paths. Names that start with a dot are hidden and skipped.

    Args:
        paths: files and folders.
        out: the folder for results, which is skipped.

    Raises:
        InputError: a path is a camera or a stream, no path has a picture or clip, or an input lies in `out`.
    """
    walk = _Walk(out)
    for text in paths:
        try:
            kind = kind_of(text)
            if kind in ("file", "folder"):
                _must_lie_elsewhere(path_of(text), out)
            if kind == "folder":
                walk.enter(path_of(text), text)
            elif kind == "file":
                check_source(SourceOptions("file", text))
                walk.files.append(text)
        except SourceError as error:
            walk.files.append(text)
            walk.faults[text] = str(error)
            continue
        if kind not in ("file", "folder"):
            raise InputError(
                f"{SourceUrl(text)} is not a picture, a folder or a clip: use 'groundcast run' for cameras"
            )
    if all(file in walk.faults for file in walk.files):
        raise InputError("; ".join(walk.faults.values()))
    return InputFiles(tuple(walk.files), walk.faults, tuple(walk.left_out), tuple(walk.results))


def _must_lie_elsewhere(path: Path, out: Path | None) -> None:
    """Refuse to draw into the folder of an input, which a drawing could replace."""
    if out is not None and out.resolve() in (path.resolve(), path.resolve().parent if path.is_file() else None):
        raise InputError(f"--out {out} contains the input, and drawings could replace it: name another folder")


class _Walk:
    """Collects the files of folders."""

    def __init__(self, out: Path | None) -> None:
        self.files: list[str] = []
        self.faults: dict[str, str] = {}
        self.left_out: list[Path] = []
        self.results: list[Path] = []
        self._entered: set[tuple[int, int]] = set()
        self._out = _identity(out) if out is not None and out.is_dir() else None

    def enter(self, folder: Path, text: str) -> None:
        """Add a folder that the user wrote as `text`."""
        before = len(self.files)
        self._collect(folder)
        if len(self.files) == before:
            self.files.append(text)
            self.faults[text] = f"folder {text} contains no pictures or clips (.jpg, .png, .mp4, ...): name another"

    def _collect(self, folder: Path) -> None:
        try:
            here = _identity(folder)
            if here in self._entered or here == self._out:
                return  # a link to a folder already entered, or the folder of results
            self._entered.add(here)
            inside = sorted(_visible(folder), key=lambda path: (path.is_dir(), natural_order(path)))
        except OSError as error:
            self.files.append(str(folder))
            self.faults[str(folder)] = f"folder {folder} cannot be listed ({error.strerror}): check its permissions"
            return
        if any(path.name in (RESULTS, JOURNAL) for path in inside):
            self.results.append(folder)
            return
        for path in inside:
            if path.is_dir():
                self._collect(path)
            elif _can_be_read(path) and (path.suffix.lower() in CLIP_SUFFIXES or is_picture_path(path)):
                self.files.append(str(path))
            else:
                self.left_out.append(path)


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode, the same for every path to a folder."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _can_be_read(path: Path) -> bool:
    """Whether a path is a file; or a link that leads nowhere, which is reported as one that cannot be read."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _visible(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        yield from (folder / entry.name for entry in entries if not entry.name.startswith("."))
