"""The files that paths mean: folders are entered with all that is below them, and what is left out is named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...model.pictures.still_picture import PICTURE_SUFFIXES
from ...stream.capture.reader import SourceError, check_source
from ...stream.options import SourceOptions
from ...stream.source_url import SourceUrl, kind_of, path_of
from ..exits import InputError

RESULTS = "detections.jsonl"
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
        files: pictures and clips, in the order of the paths, and of the names in a folder.
        faults: why a path, or a file that was named, gives nothing; by what was written.
        left_out: what lies in the folders and is neither a picture nor a clip.
        results: folders with results of an earlier run, which were not entered.
    """

    files: tuple[str, ...]
    faults: dict[str, str]
    left_out: tuple[Path, ...]
    results: tuple[Path, ...]

    @property
    def remarks(self) -> list[str]:
        """What is said of all that is not looked at, a sentence each."""
        said = [f"{folder} holds results of an earlier run ({RESULTS}) and was not entered" for folder in self.results]
        if self.left_out:
            names = ", ".join(map(str, self.left_out[:_MAX_NAMED]))
            more = f" and {len(self.left_out) - _MAX_NAMED} more" if len(self.left_out) > _MAX_NAMED else ""
            said.append(f"left out, as neither pictures nor clips: {names}{more}")
        return said


def find_files(paths: Sequence[str], out: Path | None = None) -> InputFiles:
    """Every picture and clip that the paths mean. Names that begin with a dot are hidden, and not looked at.

    Args:
        paths: files and folders.
        out: the folder for results, which is not entered.

    Raises:
        InputError: a path is a camera or a stream, no path gives anything to look at, or what is given lies in `out`.
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
                f"{SourceUrl(text)} is not a picture, a folder or a clip: watch cameras with 'groundcast run'"
            )
    if all(file in walk.faults for file in walk.files):
        raise InputError("; ".join(walk.faults.values()))
    return InputFiles(tuple(walk.files), walk.faults, tuple(walk.left_out), tuple(walk.results))


def _must_lie_elsewhere(path: Path, out: Path | None) -> None:
    """Refuse drawings into the folder of a picture that was given, which they could replace."""
    if out is not None and out.resolve() in (path.resolve(), path.resolve().parent if path.is_file() else None):
        raise InputError(
            f"--out {out} holds what is to be looked at, and drawings could replace it: name another folder"
        )


class _Walk:
    """Collects what lies in folders."""

    def __init__(self, out: Path | None) -> None:
        self.files: list[str] = []
        self.faults: dict[str, str] = {}
        self.left_out: list[Path] = []
        self.results: list[Path] = []
        self._entered: set[tuple[int, int]] = set()
        self._out = _identity(out) if out is not None and out.is_dir() else None

    def enter(self, folder: Path, text: str) -> None:
        """Take in a folder that the user wrote as `text`."""
        before = len(self.files)
        self._collect(folder)
        if len(self.files) == before:
            self.files.append(text)
            self.faults[text] = f"folder {text} holds no pictures or clips (.jpg, .png, .mp4, ...): name another"

    def _collect(self, folder: Path) -> None:
        try:
            here = _identity(folder)
            if here in self._entered or here == self._out:
                return  # a link that leads back, or our own results
            self._entered.add(here)
            inside = sorted(_visible(folder), key=lambda path: (path.is_dir(), str(path)))
        except OSError as error:
            self.files.append(str(folder))
            self.faults[str(folder)] = f"folder {folder} cannot be listed ({error.strerror}): check its permissions"
            return
        if any(path.name == RESULTS for path in inside):
            self.results.append(folder)
            return
        for path in inside:
            if path.is_dir():
                self._collect(path)
            elif path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES | CLIP_SUFFIXES:
                self.files.append(str(path))
            else:
                self.left_out.append(path)


def _identity(folder: Path) -> tuple[int, int]:
    """The same for every path that leads to a folder."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _visible(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        yield from (folder / entry.name for entry in entries if not entry.name.startswith("."))
