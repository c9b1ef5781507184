"""`groundcast label`: pictures, folders and clips become a labelled data set."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...model.datasets.picture_set import PictureSet
from ...model.prompt import Prompt
from ...stream.options import SourceOptions
from ...stream.source_url import full_url
from ..exits import InputError, RunError, make_writable, running, say
from ..settings.command_options import spread_options
from ..settings.settings import ModelSettings
from ..settings.settings_file import checked
from ..settings.sources import named_sources
from ..show.input_files import JOURNAL, find_files
from ..show.mask_finder import mask_finder
from ..standard_streams import outlive_reader
from ..survey.entry import FileEntry
from ..survey.file_names import namer
from ..survey.journal import Journal
from ..survey.remaining import detect_remaining
from ..survey.survey import NoResults
from .classes_file import read_classes
from .label_options import LabelOptions
from .label_run import check_untouched, drawn_splits, gather_pictures, write_set
from .picture_places import PICTURES
from .review import ReviewOptions, serve_review
from .set_report import write_set_report


@spread_options
def label(
    options: LabelOptions,
    paths: Annotated[
        list[str] | None, typer.Argument(help="Pictures, clips, folders of both.", show_default=False)
    ] = None,
) -> None:
    """Label pictures, folders and clips: a data set to look through, to correct and to train on.

    The same command continues after it was stopped. Empty pictures are part of the data set.
    """
    if options.review is not None:
        if paths:
            raise InputError("--review opens a data set and labels nothing: leave the pictures away")
        serve_review(options.review, ReviewOptions())
    elif paths:
        _label(paths, options)
    else:
        raise InputError("no pictures: name pictures, clips or folders, or --review a data set")


def _label(paths: list[str], options: LabelOptions) -> None:
    began_s = time.monotonic()
    kinds, prompt = options.kinds, _prompt(options)
    _ = options.shares
    found = find_files(paths, options.folder)
    for remark in found.remarks:
        say(remark)
    make_writable(options.folder)
    check_untouched(options.folder, overwrite=options.overwrite)
    outlive_reader()
    files = list({str(Path(file).absolute()): file for file in found.files}.values())
    sources = [SourceOptions(name, file, target_hz=options.sample_hz) for name, file in named_sources(files).items()]
    name_of = namer(paths)
    settings = _settings(options, prompt)
    with Journal(options.folder / JOURNAL, settings, overwrite=options.overwrite, option="--folder") as journal:
        detect_remaining(
            sources,
            found.faults,
            journal,
            _model(options),
            prompt,
            NoResults(),
            lambda path: path,
            partial(mask_finder, options.masker, options.device, offline=options.offline) if options.masks else None,
        )
        with running(InputError):
            paths_of = [full_url(one.url) for one in sources]
            entries = {entry.path: entry for entry in journal.entries(paths_of)}
            names = {path: name_of(path) for path in paths_of}
            pictures, groups = gather_pictures(options.folder, sources, entries, names, options)
            classes = tuple(phrase.name for phrase in prompt.phrases if not phrase.negative)
            labelled = PictureSet(classes, options.folder / PICTURES, tuple(drawn_splits(pictures, groups, options)))
            write_set(options.folder, labelled, kinds)
            report = write_set_report(labelled, options.folder / "report.html", f"Data set {options.folder.name}")
    _say_end(labelled, entries, report, began_s, options)


def _prompt(options: LabelOptions) -> Prompt:
    if (options.classes is None) == (options.prompt is None):
        raise InputError("no classes: write either --classes classes.txt or --prompt 'red mug . bottle'")
    return read_classes(options.classes) if options.classes is not None else Prompt.parse(options.prompt or "")


def _model(options: LabelOptions) -> ModelSettings:
    values = {"name": options.model, "device": options.device, "size_px": options.size}
    return checked(ModelSettings, {**values, "threshold": options.threshold, "offline": options.offline})


def _settings(options: LabelOptions, prompt: Prompt) -> dict[str, object]:
    """What the detections and their masks depend on."""
    values: dict[str, object] = {"classes": prompt.hash, "model": options.model, "size": options.size}
    values |= {"threshold": options.threshold, "sample_hz": options.sample_hz}
    return values | ({"masker": options.masker} if options.masks else {})


def _say_end(
    labelled: PictureSet, entries: dict[str, FileEntry], report: Path, began_s: float, options: LabelOptions
) -> None:
    unread = [entry for entry in entries.values() if entry.failure is not None]
    figures = {
        "pictures": len(labelled.pictures),
        "boxes": labelled.boxes,
        "empty": sum(not one.boxes for one in labelled.pictures),
        "unread": len(unread),
        "splits": {name: len(own) for name, own in labelled.splits.items()},
        "seconds": round(time.monotonic() - began_s, 3),
    }
    if options.as_json:
        print(json.dumps(figures))
    else:
        parts = ", ".join(f"{len(own)} {name}" for name, own in labelled.splits.items())
        print(f"{figures['pictures']} pictures ({parts}) with {figures['boxes']} boxes are in {options.folder}")
        print(f"look at {report}; correct it with: groundcast label --review {options.folder}")
    if unread:
        raise RunError(f"{len(unread)} of {len(entries)} files could not be read: they are not in the data set")
