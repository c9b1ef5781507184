"""Picture set: labelled pictures as every format holds them in common: boxes, masks, scores, splits and states."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from ..masks.mask import Mask, polygons_of

Outline: TypeAlias = tuple[float, ...]
"""A closed line as COCO writes it: x, y, x, y, ... in px of the picture."""

STATES = ("new", "checked", "rejected")
SPLITS = ("train", "val", "test")


class PictureSetError(ValueError):
    """A data set cannot be read or written; the text names the file and the place."""


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """One object.

    Args:
        name: its class.
        box_xyxy: px of the upright picture.
        score: 0..1 of the model that found it; None where a person drew it.
        crowd: several objects that are not told apart.
        outlines: its shape as polygons; empty where only the box is known.
        mask: its shape as pixels, with holes; instead of polygons.
    """

    name: str
    box_xyxy: tuple[float, float, float, float]
    score: float | None = None
    crowd: bool = False
    outlines: tuple[Outline, ...] = ()
    mask: Mask | None = None

    @property
    def polygons(self) -> tuple[Outline, ...]:
        """Its outlines, the largest first; those of the mask where it has one. Holes are left out."""
        if self.mask is None:
            return self.outlines
        rings = [one.outline for one in polygons_of(self.mask) if len(one.outline) >= 3]
        return tuple(tuple(float(value) for point in ring for value in point) for ring in rings)

    @property
    def area_px(self) -> float:
        """The area of the mask, else of the box."""
        if self.mask is not None:
            return float(self.mask.area_px)
        x1, y1, x2, y2 = self.box_xyxy
        return max(0.0, x2 - x1) * max(0.0, y2 - y1)


@dataclass(frozen=True, slots=True)
class SetPicture:
    """One picture.

    Args:
        file: its name, relative to the set's folder of pictures, with forward slashes.
        width, height: upright, px.
        boxes: its objects; an empty picture has none.
        split: 'train', 'val' or 'test'; None where the set has no parts.
        state: 'new', 'checked' or 'rejected' by a person.
    """

    file: str
    width: int
    height: int
    boxes: tuple[LabelledBox, ...] = ()
    split: str | None = None
    state: str = "new"


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Labelled pictures.

    Args:
        names: the classes, in the order of their numbers.
        folder: what the pictures' names are relative to.
        pictures: in order.
    """

    names: tuple[str, ...]
    folder: Path
    pictures: tuple[SetPicture, ...]

    @property
    def splits(self) -> dict[str, list[SetPicture]]:
        """The pictures of each part; those of a set without parts are all for training."""
        parts: dict[str, list[SetPicture]] = {}
        for split in SPLITS:
            if own := [one for one in self.pictures if (one.split or "train") == split]:
                parts[split] = own
        return parts

    @property
    def boxes(self) -> int:
        """The number of objects."""
        return sum(len(picture.boxes) for picture in self.pictures)

    def numbers(self) -> dict[str, int]:
        """The number of each class, from 0."""
        return {name: number for number, name in enumerate(self.names)}

    def without_rejected(self) -> PictureSet:
        """The set without the pictures that a person rejected."""
        return replace(self, pictures=tuple(one for one in self.pictures if one.state != "rejected"))


def split_pictures(
    pictures: Sequence[SetPicture], shares: Sequence[float], seed: int, groups: Mapping[str, str] | None = None
) -> tuple[SetPicture, ...]:
    """The pictures with parts drawn anew. Those of one group, such as the frames of a clip, stay together.

    A group's part depends on its name and the seed alone, so that it stays when pictures are added.

    Args:
        shares: of train, val and test, in any unit.
        groups: the group of a file; a file without one is its own.
    """
    total = sum(shares)
    bounds = [sum(shares[: number + 1]) / total for number in range(len(shares))]
    drawn: list[SetPicture] = []
    for picture in pictures:
        group = (groups or {}).get(picture.file, picture.file)
        place = random.Random(f"{seed}:{group}").random()
        split = next(name for name, bound in zip(SPLITS, bounds, strict=False) if place < bound or bound == bounds[-1])
        drawn.append(replace(picture, split=split))
    return tuple(drawn)


def merge_sets(sets: Iterable[PictureSet], folder: Path) -> PictureSet:
    """Several sets as one. Classes of one name are one class; the pictures' names become absolute.

    Raises:
        PictureSetError: two sets hold the same picture.
    """
    names: dict[str, None] = {}
    pictures: dict[str, SetPicture] = {}
    for one in sets:
        names.update(dict.fromkeys(one.names))
        for picture in one.pictures:
            file = (one.folder / picture.file).absolute().as_posix()
            if file in pictures:
                raise PictureSetError(f"{file} is in two of the sets: leave one of them out")
            pictures[file] = replace(picture, file=file)
    return PictureSet(tuple(names), folder, tuple(pictures.values()))
