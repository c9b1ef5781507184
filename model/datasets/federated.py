"""Federated annotations: the categories of which a picture's objects are all annotated, and those known to be absent.

LVIS states both as lists of ids (https://www.lvisdataset.org/dataset). Data sets that were merged from several others
state `exhaustive_for`: the names of the categories of which every object of that picture is annotated. Any other
category is unknown there: a box found for it is neither right nor wrong, and it is no negative example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .coco_records import Record

EXHAUSTIVE = "exhaustive_for"


def is_federated(images: Sequence[Record]) -> bool:
    """Whether the images state which categories are annotated exhaustively.

    Raises:
        CocoError: some do and others do not.
    """
    stating = [record for record in images if record.has(EXHAUSTIVE)]
    if not stating:
        return False
    for record in images:
        if not record.has(EXHAUSTIVE):
            raise record.error(f"{EXHAUSTIVE!r} is missing, which other images of this file state: write it for all")
    return True


def known_categories(
    record: Record, numbers: Mapping[str, int], present: Iterable[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A picture's `exhaustive_for` in LVIS's terms.

    Args:
        record: of the image.
        numbers: the `id` of each category by its name.
        present: categories with an object in the picture.

    Returns:
        The categories known to be absent, and the present ones of which some objects may not be annotated.

    Raises:
        CocoError: a name that no category has.
    """
    complete: set[int] = set()
    for name in record.texts(EXHAUSTIVE) if record.values[EXHAUSTIVE] else ():
        if name not in numbers:
            raise record.error(f"{EXHAUSTIVE!r} names {name!r}, which is not in the list of categories")
        complete.add(numbers[name])
    here = set(present)
    return tuple(sorted(complete - here)), tuple(sorted(here - complete))
