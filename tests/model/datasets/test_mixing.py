# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Several data sets as one: whose classes are known where, and how often each is drawn from."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundcast.model.datasets.class_words import ClassWords
from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.datasets.labelled import LabelledData, LabelledPicture
from groundcast.model.datasets.mixing import MixedData, mix
from groundcast.model.training.picture_order import PictureOrder

BOX = np.array([[1, 2, 30, 40]], np.float32)
PHONES = ClassWords({"mobile phone": ("cell phone", "phone")})


def _data(name: str, wordings: tuple[str, ...], pictures: int, absent: tuple[int, ...] | None = None) -> LabelledData:
    """Pictures that show the first class each."""
    own = [LabelledPicture(Path(f"{name}{row}"), 64, 48, BOX, ((0,),), absent=absent) for row in range(pictures)]
    return LabelledData(Path(name), name, tuple(own), wordings)


def test_a_class_that_only_another_source_annotates_is_unknown() -> None:
    photos = replace(_data("photos", ("mobile phone", "mug"), 1), words=PHONES)
    desks = _data("desks", ("mug", "cell phone", "lamp"), 1, absent=(1,))

    mixed = mix([MixedData(photos, 0.6), MixedData(desks, 0.4)])

    assert mixed.wordings == ("mobile phone", "mug", "lamp")
    first, second = mixed.pictures
    assert (first.answers, first.absent) == (((0,),), (1,))  # of lamps nothing is known
    assert (second.answers, second.absent) == (((1,),), (0,))  # a cell phone is a mobile phone
    assert mixed.words == PHONES
    assert mixed.sha256 != mix([MixedData(photos, 0.5), MixedData(desks, 0.5)]).sha256


@pytest.mark.parametrize(("pictures", "others", "share"), [(40, 5, 0.5), (5, 40, 0.1), (30, 30, 0.75)])
def test_each_source_has_its_share_of_the_examples(pictures: int, others: int, share: float) -> None:
    sources = [MixedData(_data("a", ("mug",), pictures), 1 - share), MixedData(_data("b", ("can",), others), share)]
    order = PictureOrder(mix(sources), 0.0, seed=3, without_objects=True)

    drawn = Counter(order[place].source for place in range(4000))

    assert drawn[1] / 4000 == pytest.approx(share, abs=0.03)
    files = Counter(order[place].file for place in range(4000))
    assert len(files) == pictures + others


@pytest.mark.parametrize("shares", [(0.5, 0.6), (1.0, 0.0)])
def test_shares_that_leave_nothing_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(CocoError, match="must be above 0 and add up to 1"):
        mix([MixedData(_data(name, ("mug",), 1), share) for name, share in zip("ab", shares, strict=True)])
