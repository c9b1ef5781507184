"""`groundcast filter`: applies a content policy to pictures: allows, flags, blurs or moves each."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ...model.detections import Detections
from ...model.masks.mask import Mask
from ...stream.source_url import path_of
from ..exits import RunError, make_writable, say
from ..report.page import ReportPage, write_page
from ..settings.command_options import spread_options
from ..show.image_inputs import InputImage, is_picture
from ..show.input_files import JOURNAL
from ..show.mask_finder import FindMasks, mask_finder
from ..standard_streams import outlive_reader
from ..survey.entry import FileEntry, FrameEntry, boxes_of
from .blurring import blur_box
from .crop import pixels_like, save_picture
from .look import Look, LookOptions, Paths, check_read, look_at
from .policy import ACTIONS, PolicyBreach, PolicyRule, breaches_in, prompt_of, read_policy, strictest

REPORT = "report.jsonl"
_MAX_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOptions(LookOptions):
    """The policy, and where its results go."""

    policy: Annotated[Path, typer.Option(help="A YAML file of rules: phrases, a threshold, and flag, blur or move.")]
    folder: Annotated[Path, typer.Option(help="Folder for the report, blurred copies and moved files.")]
    masker: Annotated[
        str | None, typer.Option(help="Blur only the object's pixels: tabletop, or a SAM. Default: its whole box.")
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the report alone: blur and move nothing.")] = False


@spread_options
def filter_photos(paths: Paths, options: FilterOptions) -> None:
    """Filter pictures by a content policy: allow, flag, blur or move each, with a report.

    Blurred pictures are copies; only `move` changes the folders that were looked at.
    """
    rules = read_policy(options.policy)
    prompt = prompt_of(rules)
    make_writable(options.folder)
    outlive_reader()
    blurs = not options.dry_run and any(rule.action == "blur" for rule in rules)
    find = None
    if blurs and options.masker is not None:
        find = mask_finder(options.masker, options.device, offline=options.offline)
    writer = BlurWriter(options.folder / "blurred", rules, find) if blurs else BlurWriter(None, rules, None)
    policy = hashlib.sha256(repr(rules).encode()).hexdigest()[:16]
    settings: dict[str, object] = {"policy": policy, "masker": options.masker, "dry_run": options.dry_run}
    lowest = min(rule.threshold for rule in rules)
    look = Look(prompt, lowest, options.folder / JOURNAL, settings, options.folder)
    entries, name_of = look_at(paths, look, options, writer)
    lines = [_line_of(entry, name_of(entry.path), rules, options) for entry in entries]
    _write_report(options.folder, [*_moved_before(options.folder, lines), *lines], rules)
    if not options.dry_run:
        _move_all(lines)
    counts = Counter(line["action"] for line in lines)
    figures = {action: counts[action] for action in (*ACTIONS, "unread") if counts[action] or action != "unread"}
    print(json.dumps(figures) if options.as_json else ", ".join(f"{count} {name}" for name, count in figures.items()))
    if not options.as_json:
        print(f"look at {options.folder / 'report.html'}")
    check_read(entries)


class BlurWriter:
    """Writes blurred copies of pictures that break a rule whose action is to blur.

    Args:
        folder: for the copies; None writes none.
        rules: of the policy.
        find: finds an object's pixels; None blurs its box.
    """

    def __init__(self, folder: Path | None, rules: Sequence[PolicyRule], find: FindMasks | None) -> None:
        self._folder, self._rules, self._find = folder, rules, find

    def add(self, name: str, shot: InputImage, found: Detections) -> None:
        """Write the copy of one picture where it needs one.

        Raises:
            RunError: the disk takes no more.
        """
        frame = FrameEntry(shot.index, shot.time_s, shot.width, shot.height, boxes_of(found))
        hidden = [one for one in breaches_in(frame, self._rules) if one.rule.action == "blur"]
        if self._folder is None or not hidden or not is_picture(shot.source) or shot.pages > 1:
            return
        scale = shot.image.shape[1] / shot.width
        boxes = [tuple(side * scale for side in one.box.box_xyxy) for one in hidden]
        image = shot.image
        for box, mask in zip(boxes, self._masks(shot, hidden, boxes), strict=True):
            image = blur_box(image, box, None if mask is None else pixels_like(mask, image))
        save_picture(image, self._folder / blurred_name(name))

    def end_file(self) -> None:
        """Each copy is a file of its own already."""

    def _masks(
        self, shot: InputImage, hidden: Sequence[PolicyBreach], boxes: Sequence[Sequence[float]]
    ) -> Sequence[Mask | None]:
        if self._find is None:
            return [None] * len(boxes)
        names = tuple(dict.fromkeys(one.box.label for one in hidden))
        corners: NDArray[np.float32] = np.array(boxes, np.float32).reshape(-1, 4)
        scores = np.array([one.box.score for one in hidden], np.float32)
        indices = np.array([names.index(one.box.label) for one in hidden], np.int64)
        return self._find(shot, Detections(names, corners, scores, indices))


def blurred_name(name: str) -> str:
    """The name of a blurred copy: the picture's own where it is a JPEG or a PNG."""
    return name if name.lower().endswith((".jpg", ".jpeg", ".png")) else f"{name}.jpg"


def _line_of(entry: FileEntry, name: str, rules: Sequence[PolicyRule], options: FilterOptions) -> dict[str, Any]:
    """A file's line of the report. A file that could not be read, or only in part, is never allowed."""
    found = [(frame, one) for frame in entry.frames for one in breaches_in(frame, rules)]
    action = strictest([one for _, one in found])
    line: dict[str, Any] = {"file": entry.path, "action": action, "rules": sorted({one.rule.name for _, one in found})}
    if entry.failure is not None and action == "allow":
        line |= {"action": "unread", "failure": entry.failure}
    if action == "blur":
        if entry.is_clip or len(entry.frames) > 1:
            line |= {"action": "flag", "remark": "only single pictures are blurred"}
        elif not options.dry_run:
            line["output"] = str(options.folder / "blurred" / blurred_name(name))
    if action == "move" and not options.dry_run:
        line["output"] = str(_free_place(options.folder / "moved" / name))
    boxes = [
        {"rule": one.rule.name, "phrase": one.box.label, "score": one.box.score, "box_xyxy": list(one.box.box_xyxy)}
        | ({"time_s": frame.time_s} if entry.is_clip else {})
        for frame, one in found
    ]
    return {**line, "boxes": boxes}


def _free_place(path: Path) -> Path:
    number = 1
    place = path
    while place.exists():
        number += 1
        place = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return place


def _moved_before(folder: Path, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of an earlier report about files that lie where it moved them."""
    path = folder / REPORT
    if not path.exists():
        return []
    earlier = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    now = {line["file"] for line in lines}
    return [
        line
        for line in earlier
        if line["action"] == "move" and line["file"] not in now and Path(line.get("output", "")).is_file()
    ]


def _write_report(folder: Path, lines: Sequence[dict[str, Any]], rules: Sequence[PolicyRule]) -> None:
    """Both files, before anything is moved, so that every file can be found after a kill."""
    part = folder / f".{REPORT}.part"
    try:
        part.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
        part.replace(folder / REPORT)
        counts = Counter(line["action"] for line in lines)
        broken = Counter(name for line in lines for name in line["rules"])
        shown = [line for line in lines if line["action"] != "allow"]
        if len(shown) > _MAX_ROWS:
            say(f"report.html shows the first {_MAX_ROWS} of {len(shown)} files; {REPORT} has all")
        figures: dict[str, list[list[object]]] = {
            "Actions": [["action", "files"], *([action, count] for action, count in counts.items())],
            "Rules": [["rule", "action", "files"], *([one.name, one.action, broken[one.name]] for one in rules)],
            "Files": [["file", "action", "rules"], *(_row(line) for line in shown[:_MAX_ROWS])],
        }
        write_page(ReportPage("Content policy", figures, {}, {"files": len(lines)}), folder / "report.html")
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}): free some space, then run it again") from error


def _row(line: dict[str, Any]) -> list[object]:
    return [line["file"], line["action"], ", ".join(line["rules"]) or line.get("failure", "")]


def _move_all(lines: Sequence[dict[str, Any]]) -> None:
    for line in lines:
        if line["action"] == "move":
            _move(path_of(line["file"]), Path(line["output"]))


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.rename(target)
        except OSError:  # another disk
            part = target.with_name(f".{target.name}.part")
            shutil.copy2(source, part)
            part.replace(target)
            source.unlink()
    except OSError as error:
        raise RunError(f"{source} cannot be moved to {target} ({error.strerror}): run it again once it can") from error
