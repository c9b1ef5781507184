"""Edits: what a person may do to one picture of a data set, each from the picture's record to a new one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from ...model.datasets.picture_set import STATES
from .label_file import Fields, PictureRecord
from .shapes import Box, moved_shape

_MIN_SIDE_PX = 1.0


class EditError(ValueError):
    """An edit that cannot be done; the text says why.

    Args:
        code: for the page's script.
        text: one sentence.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def add_box(picture: PictureRecord, number: int, category: int, box: Box) -> PictureRecord:
    """With one more object, which a person has drawn: it has no score."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    added: Fields = {
        "id": number,
        "image_id": picture.number,
        "category_id": category,
        "bbox": [x1, y1, width, height],
        "area": width * height,
        "iscrowd": 0,
        "accepted": True,
    }
    return _edited(picture, (*picture.objects, added))


def remove_box(picture: PictureRecord, number: int) -> PictureRecord:
    """Without one of its objects."""
    _object(picture, number)
    return _edited(picture, tuple(one for one in picture.objects if one["id"] != number))


def move_box(picture: PictureRecord, number: int, box: Box) -> PictureRecord:
    """With another box for one of its objects; the object's shape follows."""
    x1, y1, x2, y2 = box
    size_hw = picture.image["height"], picture.image["width"]

    def moved(one: Fields) -> Fields:
        return {**one, "bbox": [x1, y1, x2 - x1, y2 - y1], **moved_shape(one, box, size_hw), "accepted": True}

    return _changed(picture, number, moved)


def relabel_box(picture: PictureRecord, number: int, category: int) -> PictureRecord:
    """With another class for one of its objects. The model's score was for the former one and goes with it."""

    def relabelled(one: Fields) -> Fields:
        if one["category_id"] == category:
            return {**one, "accepted": True}
        return {key: value for key, value in one.items() if key != "score"} | {
            "category_id": category,
            "accepted": True,
        }

    return _changed(picture, number, relabelled)


def drop_shape(picture: PictureRecord, number: int) -> PictureRecord:
    """With the box alone for one of its objects."""

    def dropped(one: Fields) -> Fields:
        left = {key: value for key, value in one.items() if key != "segmentation"}
        return {**left, "area": one["bbox"][2] * one["bbox"][3], "accepted": True}

    return _changed(picture, number, dropped)


def set_state(picture: PictureRecord, state: str) -> PictureRecord:
    """With another state."""
    if state not in STATES:
        raise EditError("bad_request", f"a state is one of {', '.join(STATES)}")
    return replace(picture, image={**picture.image, "state": state})


def accept(picture: PictureRecord, category: int, min_score: float, *, check: bool) -> PictureRecord:
    """With its objects of a class accepted that have at least this score.

    Args:
        check: a new picture all of whose objects are then accepted becomes checked.
    """
    objects = tuple(
        {**one, "accepted": True}
        if one["category_id"] == category and not one.get("accepted") and one.get("score", 1.0) >= min_score
        else one
        for one in picture.objects
    )
    if objects == picture.objects:
        return picture
    accepted = _edited(picture, objects)
    is_done = picture.state == "new" and all(one.get("accepted") for one in objects)
    return set_state(accepted, "checked") if check and is_done else accepted


def box_of(values: Mapping[str, Any], picture: PictureRecord) -> Box:
    """The box of a request, cut to the picture.

    Raises:
        EditError: it is no box, or nothing of it lies in the picture.
    """
    given = values.get("box")
    sides = cast("list[object]", given) if isinstance(given, list) else []
    numbers = [float(one) for one in sides if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) != 4 or len(sides) != 4 or not all(math.isfinite(one) for one in numbers):
        raise EditError("bad_request", "a box is four numbers: left, top, right, bottom")
    wide, high = float(picture.image["width"]), float(picture.image["height"])
    x1, x2 = (min(wide, max(0.0, round(one, 2))) for one in sorted(numbers[::2]))
    y1, y2 = (min(high, max(0.0, round(one, 2))) for one in sorted(numbers[1::2]))
    if x2 - x1 < _MIN_SIDE_PX or y2 - y1 < _MIN_SIDE_PX:
        raise EditError("bad_box", "the box is too small: draw it at least 1 px wide and high, within the picture")
    return x1, y1, x2, y2


def _object(picture: PictureRecord, number: int) -> Fields:
    for one in picture.objects:
        if one["id"] == number:
            return one
    raise EditError("changed", "this box is no longer there: another tab has deleted it")


def _changed(picture: PictureRecord, number: int, change: Callable[[Fields], Fields]) -> PictureRecord:
    changed = change(_object(picture, number))
    return _edited(picture, tuple(changed if one["id"] == number else one for one in picture.objects))


def _edited(picture: PictureRecord, objects: tuple[Fields, ...]) -> PictureRecord:
    """With other objects, and marked as a picture that a person has worked on."""
    return PictureRecord({**picture.image, "edited": True}, objects)
