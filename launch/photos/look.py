"""Look: detection in pictures, folders and clips, kept in a journal, so that a later run looks at new files alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ...model.prompt import Prompt
from ...stream.options import SourceOptions
from ...stream.source_url import full_url
from ..exits import RunError, say
from ..settings.settings import ModelSettings
from ..settings.settings_file import checked
from ..settings.sources import named_sources
from ..show.input_files import find_files
from ..survey.entry import FileEntry
from ..survey.file_names import namer
from ..survey.journal import Journal
from ..survey.remaining import detect_remaining
from ..survey.survey import PictureResults

Paths = Annotated[list[str], typer.Argument(help="Pictures, clips, folders of both.", show_default=False)]


@dataclass(frozen=True, slots=True)
class LookOptions:
    """The model that looks."""

    model: Annotated[str, typer.Option(help="A model's name, or the path of its weights.")] = "tabletop"
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto"
    size: Annotated[int | None, typer.Option(help="Short side of the network's input for a 4:3 picture, px.")] = None
    sample_hz: Annotated[
        float | None, typer.Option(help="Frames of a clip per second of its time. Default: all.", show_default=False)
    ] = None
    offline: Annotated[bool, typer.Option("--offline", help="Take published models only from the local cache.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Look again at files that have a result.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


@dataclass(frozen=True, slots=True)
class Look:
    """What to look for, and where the results are kept.

    Args:
        prompt: what to look for.
        threshold: the minimum score of phrases without their own.
        journal: the file of the results.
        settings: what the results depend on beside the model and the prompt.
        out: the folder of results, which is not looked at; None for none.
        option: the command's option that names the journal's folder.
    """

    prompt: Prompt
    threshold: float
    journal: Path
    settings: dict[str, object]
    out: Path | None = None
    option: str = "--folder"


def look_at(
    paths: Sequence[str], look: Look, options: LookOptions, results: PictureResults
) -> tuple[list[FileEntry], Callable[[str], str]]:
    """Look at every file that the journal does not have, or that has changed since.

    Returns:
        The results of all files in order, of earlier runs too; and the function that gives a file's name, relative to
        what the paths have in common.

    Raises:
        InputError: a path or the prompt cannot be used.
        RunError: the disk takes no more.
    """
    found = find_files(paths, look.out)
    for remark in found.remarks:
        say(remark)
    # Absolute, so that the same file has the same result however it is named.
    faults = {str(Path(path).absolute()): fault for path, fault in found.faults.items()}
    files = list(dict.fromkeys(str(Path(file).absolute()) for file in found.files))
    sources = [SourceOptions(name, file, target_hz=options.sample_hz) for name, file in named_sources(files).items()]
    name_of = namer([str(Path(path).absolute()) for path in paths])
    settings: dict[str, object] = {"prompt": look.prompt.hash, "model": options.model, "size": options.size}
    settings |= {"threshold": look.threshold, "sample_hz": options.sample_hz, **look.settings}
    values = {"name": options.model, "device": options.device, "size_px": options.size, "offline": options.offline}
    model = checked(ModelSettings, {**values, "threshold": look.threshold})
    with Journal(look.journal, settings, overwrite=options.overwrite, option=look.option) as journal:
        detect_remaining(sources, faults, journal, model, look.prompt, results, name_of)
        return list(journal.entries(full_url(one.url) for one in sources)), name_of


def check_read(entries: Sequence[FileEntry]) -> None:
    """
    Raises:
        RunError: some of the files could not be read.
    """
    unread = sum(entry.failure is not None for entry in entries)
    if unread:
        raise RunError(f"{unread} of {len(entries)} files could not be read")
