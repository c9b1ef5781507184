"""The data of `groundcast train detector`: training sets and the validation set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..exits import InputError, writing
from ..show.progress import saying_records

if TYPE_CHECKING:
    from ...model.datasets.labelled import LabelledData
    from ...model.training.validation import HeldOut
    from .options import TrainOptions

CREDITS = "ATTRIBUTIONS.md"
_TABLETOP = "tabletop"  # rendered scenes instead of a file
_SCENES, _SCENE_COUNT = "runs/tabletop/train", 2_000  # a shard, rendered where it is missing


def is_odvg(annotations: Path) -> bool:
    """Whether a file's name says that it holds lines of ODVG."""
    return annotations.suffix == ".jsonl"


def read_data(annotations: Path, pictures: Path, options: TrainOptions) -> LabelledData:
    """What is learnt from, all sources of a mixture together.

    Raises:
        InputError: a source is written otherwise, or the shares leave nothing.
        CocoError: annotations or pictures do not fit.
    """
    from ...model.datasets.mixing import MixedData, mix

    others = [_mixed(text) for text in options.mix]
    left = 1.0 - sum(share for share, _, _ in others)
    if left <= 0:
        raise InputError(f"--mix leaves {annotations} no share: the shares must add up to less than 1")
    data = _read(annotations, pictures, options)
    if not others:
        return data
    read = [MixedData(_read_mixed(place, folder, options), share) for share, place, folder in others]
    return mix([MixedData(data, left), *read])


def write_credits(annotations: Path, options: TrainOptions) -> None:
    """Say in the folder which sets and licences the pictures state, where any do.

    Raises:
        InputError: the folder cannot be written.
    """
    from ...model.datasets.attribution import write_attributions

    files = [annotations, *(Path(place) for _, place, _ in map(_mixed, options.mix) if place != _TABLETOP)]
    with writing(options.folder, "folder"):
        write_attributions([file for file in files if not is_odvg(file)], options.folder / CREDITS)


def _mixed(text: str) -> tuple[float, str, str]:
    """The share, the annotations and the folder of pictures in one --mix."""
    said = f"--mix {text!r} is no source: write SHARE,ANNOTATIONS,PICTURES, such as 0.3,more.json,photos2/, or "
    said += f"SHARE,{_TABLETOP}"
    share_text, _, rest = text.partition(",")
    place, _, folder = rest.partition(",")
    try:
        share = float(share_text)
    except ValueError as error:
        raise InputError(said) from error
    if not 0 < share < 1 or not place or (not folder and place != _TABLETOP):
        raise InputError(said)
    return share, place, folder


def _read_mixed(place: str, folder: str, options: TrainOptions) -> LabelledData:
    from ...model.tabletop.dataset import build
    from ...model.training.labelled_scenes import labelled_scenes

    if place != _TABLETOP:
        return _read(Path(place), Path(folder), options)
    scenes = Path(folder or _SCENES)
    with writing(scenes, "folder"):
        return labelled_scenes(build(scenes, _SCENE_COUNT, "train"), scenes / "pictures")


def _read(annotations: Path, pictures: Path, options: TrainOptions) -> LabelledData:
    from ...model.datasets.class_words import ClassWords, read_class_words
    from ...model.datasets.coco_data import read_coco
    from ...model.datasets.labelled import labelled_coco
    from ...model.datasets.odvg_data import read_odvg

    say, keep = saying_records(annotations), options.keep_odd_boxes
    if is_odvg(annotations):
        return read_odvg(annotations, pictures, options.label_map, keep_odd_boxes=keep, on_records=say)
    words = ClassWords() if options.words is None else read_class_words(options.words)
    data = read_coco(annotations, pictures, lvis=options.lvis, keep_odd_boxes=keep, on_records=say)
    return labelled_coco(data, words)


def read_held_out(pictures: Path, options: TrainOptions) -> HeldOut | None:
    """What weights are judged by, if anything.

    Raises:
        CocoError: annotations or pictures do not fit.
    """
    from ...model.datasets.coco_data import read_coco
    from ...model.training.validation import HeldOut

    if options.validate is None:
        return None
    data = read_coco(
        options.validate,
        options.validate_pictures or pictures,
        lvis=options.lvis,
        keep_odd_boxes=options.keep_odd_boxes,
        on_records=saying_records(options.validate),
    )
    return HeldOut(data, chunk=40 if options.lvis else 80, batch=options.batch)
