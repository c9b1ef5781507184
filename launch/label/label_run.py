"""Label run: from the detections of a survey to a data set: pictures in place, splits, masks, formats, the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...model.datasets.coco_records import read_records
from ...model.datasets.coco_set import coco_json, write_coco_file
from ...model.datasets.picture_set import LabelledBox, PictureSet, SetPicture, split_pictures
from ...model.datasets.set_export import export_set
from ...stream.options import SourceOptions
from ...stream.source_url import full_url, path_of
from ..exits import InputError, RunError, say
from ..show.image_inputs import InputImage
from ..show.progress import progress
from ..survey.entry import FileEntry, FrameEntry
from ..survey.read_ahead import read_ahead
from .label_options import LabelOptions
from .picture_places import SimilarPictures, has_place, is_kept, keep_file, keep_pixels, picture_name

LABELS = "labels.json"


def check_untouched(folder: Path, *, overwrite: bool) -> None:
    """Refuse to label a folder anew in which a person has worked.

    Raises:
        InputError: some of its pictures are checked or rejected.
    """
    path = folder / LABELS
    if path.exists() and not overwrite:
        images = [one.values for one in read_records(path).images]
        touched = sum(one.get("state", "new") != "new" or one.get("edited") is True for one in images)
        if touched:
            raise InputError(
                f"{path} has {touched} pictures that a person has checked: name another --folder, or --overwrite them"
            )


def gather_pictures(
    folder: Path,
    sources: Sequence[SourceOptions],
    entries: Mapping[str, FileEntry],
    names: Mapping[str, str],
    options: LabelOptions,
) -> tuple[list[SetPicture], dict[str, str]]:
    """Put every picture into the data set; returns them with their boxes, and the group of each: its clip or folder.

    Args:
        sources: the files, in order.
        entries: what was found, by path.
        names: each file's name in the data set, by path.
    """
    pictures: list[SetPicture] = []
    groups: dict[str, str] = {}
    similar = SimilarPictures() if options.leave_out_similar else None
    left_out = 0
    with progress("gathering pictures") as advance:
        for done, source in enumerate(sources, 1):
            path = full_url(source.url)
            entry = entries.get(path)
            if entry is not None and entry.failure is None:
                group = names[path] if entry.is_clip else str(Path(names[path]).parent)
                found = list(_pictures_of(folder, source, entry, names[path], group, similar))
                left_out += 0 if similar is None else len(entry.frames) - len(found)
                pictures += found
                if entry.is_clip:
                    groups |= {picture.file: group for picture in found}
            advance(done, len(sources))
    if left_out:
        say(f"{left_out} pictures that look as the one before are left out")
    return pictures, groups


def write_set(folder: Path, found: PictureSet, kinds: Sequence[str]) -> None:
    """Write `labels.json` and a folder for each format.

    Raises:
        RunError: the disk takes no more.
    """
    try:
        write_coco_file(coco_json(found.names, found.pictures, extra=True), folder / LABELS)
        for kind in kinds:
            with progress(f"writing {kind}") as advance:
                count = iter(range(1, len(found.pictures) + 1))
                losses = export_set(found, kind, folder, lambda: advance(next(count), len(found.pictures)))  # noqa: B023
            for said in losses:
                say(said)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}): free some space, then run it again") from error


def drawn_splits(pictures: list[SetPicture], groups: Mapping[str, str], options: LabelOptions) -> list[SetPicture]:
    """The pictures with their parts; frames of one clip stay together."""
    return list(split_pictures(pictures, options.shares, options.seed, groups))


def _pictures_of(
    folder: Path,
    source: SourceOptions,
    entry: FileEntry,
    file_name: str,
    group: str,
    similar: SimilarPictures | None,
) -> Iterator[SetPicture]:
    """Each picture of a file, put in its place; without those that look as the one before of their group."""
    path = path_of(source.url)
    is_whole = not entry.is_clip and len(entry.frames) == 1 and is_kept(path)
    names = {frame.index: picture_name(file_name, entry, frame, kept=is_whole) for frame in entry.frames}
    if similar is None and (is_whole or all(has_place(folder, name) for name in names.values())):
        for frame in entry.frames:
            if is_whole and not has_place(folder, names[frame.index]):
                keep_file(folder, names[frame.index], path)
            yield _labelled(names[frame.index], frame)
        return
    frames = {frame.index: frame for frame in entry.frames}
    for opened in read_ahead([source], lambda _: None):
        for image in opened.images:
            if not isinstance(image, InputImage) or image.index not in frames:
                continue
            if similar is not None and similar.is_similar(group, image.image):
                continue
            frame, name = frames[image.index], names[image.index]
            if not has_place(folder, name):
                keep_file(folder, name, path) if is_whole else keep_pixels(folder, name, image.image)
            yield _labelled(name, frame)


def _labelled(name: str, frame: FrameEntry) -> SetPicture:
    boxes = tuple(LabelledBox(box.label, box.box_xyxy, box.score, mask=box.mask) for box in frame.boxes)
    return SetPicture(name, frame.width, frame.height, boxes)
