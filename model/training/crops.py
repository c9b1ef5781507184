"""Pretraining of the backbone: classifying crops of single objects.

A detector's backbone is usually pretrained on labelled pictures of single objects; a crop costs a tenth of a scene, and
shows one object alone.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..dino.backbone import Backbone
from ..runtime.preprocess import normalise
from ..tabletop.words import COLOURS, KINDS
from .augment import disturb, window
from .stored_scenes import StoredScene

_SIDES_PX = (40, 48, 64)
_MARGIN = (1.15, 1.9)  # the crop's side relative to the object's
_OFF_CENTRE = 0.12
_MIN_VISIBLE = 0.4
_MIN_PX = 10.0


@dataclass(frozen=True, slots=True)
class Crops:
    """Square crops around single objects, with kind and colour of each. N crops of P px."""

    pictures_N3PP: Tensor
    kinds_N: Tensor
    colours_N: Tensor


class CropBatches:
    """`batch(step)`: the same step always gives the same crops."""

    def __init__(self, scenes: Sequence[StoredScene], size: int, seed: int) -> None:
        self._scenes, self._size, self._seed = scenes, size, seed

    def __call__(self, step: int) -> Crops:
        rng = np.random.default_rng([self._seed, step])
        side = int(rng.choice(_SIDES_PX))
        pictures: list[NDArray[np.uint8]] = []
        kinds: list[int] = []
        colours: list[int] = []
        while len(pictures) < self._size:
            scene = self._scenes[int(rng.integers(len(self._scenes)))]
            sides = scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]
            for row in np.flatnonzero((scene.visible >= _MIN_VISIBLE) & (sides >= _MIN_PX).all(1)):
                pictures.append(_crop(scene, int(row), side, rng))
                colour, kind = scene.pairs[int(row)]
                kinds.append(KINDS.index(kind))
                colours.append(COLOURS.index(colour))
        shown = normalise(np.stack(pictures[: self._size]), [(1.0, 1.0)] * self._size)
        return Crops(shown, torch.tensor(kinds[: self._size]), torch.tensor(colours[: self._size]))


class CropTask:
    """Classifies kind and colour of a crop from the middle of each of the backbone's maps."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone.body
        count = len(KINDS) + len(COLOURS)
        self._heads = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, count)) for width in backbone.channels
        )

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"backbone": self._backbone, "heads": self._heads}

    def size(self, batch: Crops) -> float:
        return len(batch.kinds_N)

    def losses(self, batch: Crops, size: float) -> dict[str, Tensor]:
        del size  # every batch has the same number of crops
        maps: list[Tensor] = self._backbone(batch.pictures_N3PP.to(memory_format=torch.channels_last))
        kind, colour = torch.zeros(()), torch.zeros(())
        for head, one in zip(self._heads, maps, strict=True):
            kinds_NK, colours_NK = head(middle_mean(one)).split([len(KINDS), len(COLOURS)], -1)
            kind = kind + F.cross_entropy(kinds_NK, batch.kinds_N, label_smoothing=0.05)
            colour = colour + F.cross_entropy(colours_NK, batch.colours_N, label_smoothing=0.05)
        return {"kind": kind, "colour": colour, "total": kind + 0.5 * colour}


def middle_mean(features_NCPP: Tensor) -> Tensor:
    """The mean over the central half of each axis; (N, C)."""
    edge = features_NCPP.shape[-1] // 4
    end = features_NCPP.shape[-1] - edge
    return features_NCPP[:, :, edge:end, edge:end].mean((2, 3))


def _crop(scene: StoredScene, row: int, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    left, top, right, bottom = (float(x) for x in scene.boxes_xyxy[row])
    size = max(right - left, bottom - top) * rng.uniform(*_MARGIN)
    off_x, off_y = rng.uniform(-_OFF_CENTRE, _OFF_CENTRE, 2) * size
    corner = ((left + right - size) / 2 + off_x, (top + bottom - size) / 2 + off_y)
    shown = disturb(window(scene.picture, corner, side / size, (side, side)), rng)
    return np.ascontiguousarray(shown[:, ::-1]) if rng.random() < 0.5 else shown
