"""`groundcast search`: the pictures that show what a prompt asks for, the best first."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ...model.prompt import Prompt
from ..exits import RunError, make_writable
from ..settings.command_options import spread_options
from ..standard_streams import outlive_reader
from ..survey.entry import FileEntry, FoundBox, FrameEntry
from ..survey.survey import NoResults
from .look import Look, LookOptions, Paths, check_read, look_at
from .prefilter import choose_candidates

_INDEX_THRESHOLD = 0.05  # what the index keeps; `--threshold` chooses among it


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions(LookOptions):
    """What to search for."""

    prompt: Annotated[str, typer.Option(help="What the pictures show: 'red bicycle'; with dots several: 'dog . ball'.")]
    threshold: Annotated[float, typer.Option(min=_INDEX_THRESHOLD, max=1.0, help="The minimum score.")] = 0.25
    prefilter: Annotated[
        str | None,
        typer.Option(
            help="A CLIP or SigLIP, a folder or a name on the hub: it chooses the files that the detector looks at.",
            show_default=False,
        ),
    ] = None
    candidates: Annotated[int, typer.Option(min=1, help="With --prefilter: look at so many files.")] = 200
    top: Annotated[int | None, typer.Option(min=1, help="Show so many pictures. Default: all that are found.")] = None
    index: Annotated[
        Path | None,
        typer.Option(
            help="Folder for what was seen. Default: groundcast/search in the user's cache.", show_default=False
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture that shows what is searched for.

    Args:
        path: of its file.
        score: 0..1, the mean over the phrases of each one's best box; a phrase without a box counts as 0.
        frame: the picture, or the clip's best frame.
        boxes: the best box of each phrase that was found.
    """

    path: str
    score: float
    frame: FrameEntry
    boxes: tuple[FoundBox, ...]


@spread_options
def search(paths: Paths, options: SearchOptions) -> None:
    """Search pictures and clips for what a prompt asks for: the best come first.

    What was seen is kept in an index, so that the same search looks only at files that are new or have changed. With
    --prefilter the detector looks only at the files that a CLIP or SigLIP finds most like the prompt.
    """
    prompt = Prompt.parse(options.prompt)
    outlive_reader()
    folder = options.index or _cache_folder()
    make_writable(folder)
    unread: list[str] = []
    if options.prefilter is not None:
        chosen = choose_candidates(paths, prompt, options.prefilter, options.candidates, folder, options)
        paths, unread = chosen.paths, chosen.unread
    look = Look(prompt, _INDEX_THRESHOLD, folder / _index_name(prompt, options), {}, option="--index")
    entries = look_at(paths, look, options, NoResults())[0] if paths else []
    names = [phrase.name for phrase in prompt.phrases if not phrase.negative]
    found = ranked(entries, names, options.threshold)[: options.top]
    for one in found:
        print(json.dumps(_json_of(one), ensure_ascii=False) if options.as_json else _line_of(one))
    check_read(entries)
    if unread:
        raise RunError(f"{len(unread)} files could not be read: they were not compared")


def ranked(entries: Sequence[FileEntry], names: Sequence[str], threshold: float) -> list[FoundPicture]:
    """The files with at least one of the phrases, the best first; of a clip its best frame counts."""
    found = [one for entry in entries if (one := _best_frame(entry, names, threshold)) is not None]
    return sorted(found, key=lambda one: (-one.score, one.path))


def _best_frame(entry: FileEntry, names: Sequence[str], threshold: float) -> FoundPicture | None:
    best: FoundPicture | None = None
    for frame in entry.frames:
        boxes: dict[str, FoundBox] = {}
        for box in frame.boxes:
            is_better = box.label not in boxes or box.score > boxes[box.label].score
            if box.label in names and box.score >= threshold and is_better:
                boxes[box.label] = box
        score = sum(box.score for box in boxes.values()) / len(names)
        if boxes and (best is None or score > best.score):
            best = FoundPicture(entry.path, score, frame, tuple(boxes.values()))
    return best


def _line_of(one: FoundPicture) -> str:
    at = f"  at {one.frame.time_s:.1f} s" if one.frame.time_s else ""
    return f"{one.score:.2f}  {one.path}{at}"


def _json_of(one: FoundPicture) -> dict[str, object]:
    boxes = [{"phrase": box.label, "score": box.score, "box_xyxy": list(box.box_xyxy)} for box in one.boxes]
    frame = {"index": one.frame.index, "time_s": one.frame.time_s}
    return {"file": one.path, "score": round(one.score, 4), **frame, "boxes": boxes}


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "groundcast" / "search"


def _index_name(prompt: Prompt, options: SearchOptions) -> str:
    """A file for each prompt and model, for all folders. Weights that have changed are another model."""
    weights = Path(options.model)
    changed_ns = weights.stat().st_mtime_ns if weights.is_file() else 0
    key = json.dumps([prompt.hash, options.model, changed_ns, options.size, options.sample_hz])
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.jsonl"
