"""Per-class figures of an evaluated data set: AP, AP50, and the numbers of pictures and objects."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_data import CocoData
from .coco_judge import Judgement

CLASS_COLUMNS = ("class", "AP", "AP50", "pictures", "instances")


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class.

    Args:
        name: as the file writes it.
        pictures, instances: the numbers of pictures with a counted object of it, and of such objects.
        ap, ap50: 0..1.
        precision_R: the best precision at each of R recalls from 0 to 1 or above, at IoU 0.5.
    """

    name: str
    pictures: int
    instances: int
    ap: float
    ap50: float
    precision_R: NDArray[np.float64]

    @property
    def row(self) -> tuple[str, ...]:
        """By `CLASS_COLUMNS`, as text."""
        return self.name, f"{self.ap:.4f}", f"{self.ap50:.4f}", str(self.pictures), str(self.instances)


def class_figures(data: CocoData, judgement: Judgement) -> list[ClassFigures]:
    """The classes that have objects, in order of their number of objects."""
    shown: defaultdict[int, set[int]] = defaultdict(set)
    instances = Counter[int]()
    for box in data.boxes:
        if not box.crowd:
            shown[box.category].add(box.picture)
            instances[box.category] += 1
    names = {one.number: one.name for one in data.categories}
    figures: list[ClassFigures] = []
    for column, number in enumerate(judgement.categories):
        precision_TR = judgement.precision_TRK[:, :, column]
        if instances[number] and not np.isnan(precision_TR).any():
            ap, ap50 = float(precision_TR.mean()), float(precision_TR[0].mean())
            own = ClassFigures(names[number], len(shown[number]), instances[number], ap, ap50, precision_TR[0])
            figures.append(own)
    return sorted(figures, key=lambda one: (-one.instances, one.name))
