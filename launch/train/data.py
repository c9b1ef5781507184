"""The data of `groundcast train detector`: what is learnt from, and what is held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..show.progress import saying_records

if TYPE_CHECKING:
    from ...model.datasets.labelled import LabelledData
    from ...model.training.validation import HeldOut
    from .options import TrainOptions


def is_odvg(annotations: Path) -> bool:
    """Whether a file's name says that it holds lines of ODVG."""
    return annotations.suffix == ".jsonl"


def read_data(annotations: Path, pictures: Path, options: TrainOptions) -> LabelledData:
    """What is learnt from.

    Raises:
        CocoError: annotations or pictures do not fit.
    """
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
