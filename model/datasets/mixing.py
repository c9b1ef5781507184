"""Mixtures: several data sets as one, each with its share; classes that a set does not annotate are unknown in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .coco_records import CocoError
from .labelled import LabelledData, LabelledPicture, WordingRows


@dataclass(frozen=True, slots=True)
class MixedData:
    """One data set of a mixture.

    Args:
        data: as read.
        share: the fraction of all examples drawn from it, above 0.
    """

    data: LabelledData
    share: float


def mix(sources: Sequence[MixedData]) -> LabelledData:
    """The mixture as one data set.

    Classes with equal wordings are joined, and so are a class of the first and its other wordings in the first's
    vocabulary. A class that only other sources annotate is unknown in a source's pictures, never absent.

    Args:
        sources: the first gives the vocabulary.

    Raises:
        CocoError: the shares do not add up to 1.
    """
    shares = tuple(source.share for source in sources)
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise CocoError(f"the shares {', '.join(f'{share:g}' for share in shares)} must be above 0 and add up to 1")
    first = sources[0].data
    own_name = {other: name for name, others in first.words.synonyms.items() for other in others}
    wordings = WordingRows()
    pictures: list[LabelledPicture] = []
    digest = hashlib.sha256()
    for number, source in enumerate(sources):
        digest.update(f"{source.data.sha256} {source.share}\n".encode())
        rows = {row: wordings.row(own_name.get(wording, wording)) for row, wording in enumerate(source.data.wordings)}
        pictures += [_moved(picture, rows, number) for picture in source.data.pictures]
    turned = sum(source.data.turned for source in sources)
    return LabelledData(first.path, digest.hexdigest(), tuple(pictures), wordings.all, turned, first.words, shares)


def _moved(picture: LabelledPicture, rows: Mapping[int, int], source: int) -> LabelledPicture:
    """The picture with the mixture's rows, and all its absent classes listed."""
    here = {one for own in picture.answers for one in own}
    absent = picture.absent
    if absent is None:
        absent = tuple(row for row in rows if row not in here and row not in picture.never_asked)
    return replace(
        picture,
        answers=tuple(tuple(rows[one] for one in own) for own in picture.answers),
        never_asked=frozenset(rows[one] for one in picture.never_asked),
        absent=tuple(rows[one] for one in absent),
        loose=frozenset(rows[one] for one in picture.loose),
        source=source,
    )
