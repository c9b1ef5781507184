"""`groundcast count`: counts what the pictures of each folder show, as a table and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ...model.datasets.picture_set import PictureSet, PictureSetError
from ...model.prompt import Prompt
from ..exits import InputError, make_writable
from ..label.label_run import LABELS
from ..label.set_inputs import read_set
from ..settings.command_options import spread_options
from ..show.input_files import JOURNAL
from ..standard_streams import outlive_reader
from ..survey.entry import FileEntry, FoundBox, FrameEntry
from ..survey.file_names import namer
from ..survey.journal import read_journal
from ..survey.survey import NoResults
from .count_report import write_count_report
from .folder_counts import FolderCount, count_folders, write_counts
from .look import Look, LookOptions, check_read, look_at

_MINIMUM = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOptions(LookOptions):
    """What to count, and where the counts go."""

    folder: Annotated[Path, typer.Option(help="Folder for counts.csv and report.html.")]
    prompt: Annotated[str | None, typer.Option(help="What to count: 'red mug . bottle'.")] = None
    results: Annotated[
        Path | None,
        typer.Option(
            help="Look at no picture: count what a folder of `detect --format` or of `label`, or a data set, holds."
        ),
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="The minimum score. Default: 0.3; with --results all.", show_default=False),
    ] = None
    depth: Annotated[
        int | None,
        typer.Option(min=0, help="Count folders below this level for the one above. Default: each by itself."),
    ] = None


@dataclass(frozen=True, slots=True)
class _Findings:
    """What is counted: the files with their results, their names, and the labels."""

    entries: Sequence[FileEntry]
    name_of: Callable[[str], str]
    labels: Sequence[str]


@spread_options
def count(
    options: CountOptions,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Pictures, clips, folders of both.", show_default=False)
    ] = None,
) -> None:
    """Count what the pictures of each folder show: counts.csv, and a page with a picture of each folder.

    Of a clip counts the most that one of its frames shows. The same command looks only at files that are new or have
    changed.
    """
    if options.results is not None and (paths or options.prompt is not None):
        raise InputError("--results counts what was found before: leave the pictures and --prompt away")
    if options.results is None and (not paths or options.prompt is None):
        raise InputError("nothing to count: name pictures and --prompt 'red mug . bottle', or earlier --results")
    make_writable(options.folder)
    outlive_reader()
    default = _MINIMUM if options.results is None else 0.0
    minimum = default if options.threshold is None else options.threshold
    found = _look(paths or [], minimum, options) if options.results is None else _earlier(options.results)
    named = ((found.name_of(entry.path), entry) for entry in found.entries)
    counts = count_folders(named, found.labels, minimum, options.depth)
    write_counts(options.folder / "counts.csv", counts, found.labels)
    write_count_report(counts, found.labels, minimum, options.folder / "report.html")
    _say(counts, found.labels, options)
    check_read(found.entries)


def _look(paths: Sequence[str], minimum: float, options: CountOptions) -> _Findings:
    prompt = Prompt.parse(options.prompt or "")
    look = Look(prompt, minimum, options.folder / JOURNAL, {}, options.folder)
    entries, name_of = look_at(paths, look, options, NoResults())
    return _Findings(entries, name_of, [one.name for one in prompt.phrases if not one.negative])


def _earlier(results: Path) -> _Findings:
    """The results of an earlier run. Where a person may have corrected them, the corrected ones."""
    journal = results / JOURNAL
    if journal.is_file() and not (results / LABELS).is_file():
        header, entries = read_journal(journal)
        labels = sorted({box.label for entry in entries for frame in entry.frames for box in frame.boxes})
        if "refer" in header and header.get("prompt") and header.get("text_threshold") is None:  # of `detect`
            labels = [one.name for one in Prompt.parse(header["prompt"]).phrases if not one.negative]
        return _Findings(entries, namer([one.path for one in entries]) if entries else str, labels)
    try:
        _, labelled = read_set(results)
    except PictureSetError as error:
        raise InputError(str(error)) from error
    return _of_set(labelled.without_rejected())


def _of_set(labelled: PictureSet) -> _Findings:
    names = {(labelled.folder / one.file).absolute().as_posix(): one for one in labelled.pictures}
    entries: list[FileEntry] = []
    for path, one in names.items():
        boxes = (FoundBox(box.name, 1.0 if box.score is None else box.score, box.box_xyxy) for box in one.boxes)
        entries.append(FileEntry(path, False, (FrameEntry(0, 0.0, one.width, one.height, tuple(boxes)),)))
    return _Findings(entries, lambda path: names[path].file, labelled.names)


def _say(counts: Sequence[FolderCount], labels: Sequence[str], options: CountOptions) -> None:
    if options.as_json:
        folders = [
            {"folder": one.folder, "files": one.files, "empty": one.empty, "unread": one.unread}
            | {"objects": {name: one.objects[name] for name in labels}}
            for one in counts
        ]
        print(json.dumps({"folders": folders}, ensure_ascii=False))
        return
    for one in counts:
        found = ", ".join(f"{one.objects[name]} {name}" for name in labels if one.objects[name])
        print(f"{one.folder}: {found or 'nothing found'} in {one.files} files")
    print(f"look at {options.folder / 'report.html'}; counts.csv has the numbers")
