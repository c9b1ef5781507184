"""Parts of a data set: without the pictures of some of its merged sets, or with some of its categories alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .coco_data import CocoData
from .coco_records import CocoError


def without_sets(data: CocoData, names: Sequence[str]) -> CocoData:
    """The data without the pictures of some of the merged data sets.

    Raises:
        CocoError: no picture belongs to such a set, or no picture with objects remains.
    """
    known = {picture.part_of for picture in data.pictures} - {""}
    for name in names:
        if name not in known:
            has = f"its pictures are of {', '.join(sorted(known))}" if known else "its images have no 'set'"
            raise CocoError(f"{data.source.path} has no set {name!r}: {has}")
    pictures = tuple(picture for picture in data.pictures if picture.part_of not in names)
    left = {picture.number for picture in pictures}
    smaller = replace(data, pictures=pictures, boxes=tuple(box for box in data.boxes if box.picture in left))
    if not smaller.instances:
        raise CocoError(f"without the sets {', '.join(names)} {data.source.path} has no object that counts")
    return smaller


def with_categories(data: CocoData, kept: Callable[[str], bool]) -> CocoData:
    """The data with some of its categories alone; every picture stays.

    Args:
        data: all of it.
        kept: whether a category of this wording stays.

    Raises:
        CocoError: no object that counts is left.
    """
    categories = tuple(one for one in data.categories if kept(one.wording))
    numbers = {one.number for one in categories}
    boxes = tuple(box for box in data.boxes if box.category in numbers)
    pictures = tuple(
        replace(
            picture,
            absent=None if picture.absent is None else tuple(one for one in picture.absent if one in numbers),
            not_exhaustive=tuple(one for one in picture.not_exhaustive if one in numbers),
        )
        for picture in data.pictures
    )
    smaller = replace(data, categories=categories, pictures=pictures, boxes=boxes)
    if not smaller.instances:
        raise CocoError(f"{data.source.path} has no object of a category that is left")
    return smaller
