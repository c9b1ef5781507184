"""Folder counts: how many objects of each class the pictures of each folder show, as rows and as a CSV file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..exits import RunError
from ..survey.csv_file import label_cell, name_cell
from ..survey.entry import FileEntry

COLUMNS = (
    *("folder", "label", "objects", "files_with", "most_in_one_file", "mean_per_file"),
    *("files", "empty_files", "unread_files"),
)


@dataclass(slots=True)
class FolderCount:
    """What was found in the files of one folder.

    Attributes:
        folder: its name, with forward slashes; '.' is the uppermost.
        files: pictures and clips that were read.
        empty: those of them in which nothing was found.
        unread: files that could not be read, or not to their end.
        objects: by label, all of them.
        files_with: by label, the files that show at least one.
        most: by label, in the file that shows most.
        fullest: the file with most objects of all labels; None where nothing was found.
    """

    folder: str
    files: int = 0
    empty: int = 0
    unread: int = 0
    objects: Counter[str] = field(default_factory=Counter[str])
    files_with: Counter[str] = field(default_factory=Counter[str])
    most: Counter[str] = field(default_factory=Counter[str])
    fullest: FileEntry | None = None
    _fullest_count: int = 0

    def add(self, entry: FileEntry, found: Counter[str]) -> None:
        """Count one file with what it shows."""
        self.unread += entry.failure is not None
        self.files += bool(entry.frames)
        self.empty += bool(entry.frames) and not found.total()
        self.objects += found
        self.files_with += Counter(dict.fromkeys(found, 1))
        self.most |= found
        if found.total() > self._fullest_count:
            self.fullest, self._fullest_count = entry, found.total()


def objects_in(entry: FileEntry, names: Sequence[str], threshold: float) -> Counter[str]:
    """How many objects of each label a file shows; of a clip the most that one of its frames shows of each."""
    found: Counter[str] = Counter()
    for frame in entry.frames:
        own = Counter(box.label for box in frame.boxes if box.score >= threshold and box.label in names)
        found = found | own if entry.is_clip else found + own
    return found


def count_folders(
    files: Iterable[tuple[str, FileEntry]], names: Sequence[str], threshold: float, depth: int | None
) -> list[FolderCount]:
    """The counts of each folder, in the order of their first files.

    Args:
        files: each file's name, and what was found in it.
        names: the labels to count.
        threshold: the minimum score.
        depth: folders deeper than this count for the one above; None counts each by itself.
    """
    counts: dict[str, FolderCount] = {}
    for name, entry in files:
        parts = PurePosixPath(name).parent.parts
        folder = "/".join(parts[:depth]) or "."
        counts.setdefault(folder, FolderCount(folder)).add(entry, objects_in(entry, names, threshold))
    return list(counts.values())


def write_counts(path: Path, counts: Sequence[FolderCount], names: Sequence[str]) -> None:
    """Write a row for each folder and label, also where there is none, as a whole or not at all.

    Raises:
        RunError: the disk takes no more.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for one in counts:
                writer.writerows(_row(one, name) for name in names)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, then run it again") from error


def _row(one: FolderCount, name: str) -> tuple[object, ...]:
    mean = f"{one.objects[name] / one.files:.3f}" if one.files else ""
    found = (one.objects[name], one.files_with[name], one.most[name], mean)
    return (name_cell(one.folder), label_cell(name), *found, one.files, one.empty, one.unread)
