"""Training of the embedded masker: a box, jittered, and the mask of the object inside.

The detector is not part of it: its weights and its boxes stay as they are.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..masks.box_crop import crop_matrix, warp
from ..masks.box_mask_net import CROP_PX, CROP_SCALE, BoxMaskNet
from ..masks.embedded import write_net
from ..runtime.preprocess import normalise
from ..tabletop.mask_crops import CROP_SCALE as STORED_SCALE
from ..tabletop.mask_crops import MaskCrops
from .augment import disturb
from .trainer import Progress, TrainingOptions, Watcher, train

_SHIFT, _STRETCH = 0.05, 0.08  # standard deviations of a box's error, in shares of its sides
_COARSE = 0.2  # the share of crops that are shown as from a smaller picture


@dataclass(frozen=True, slots=True)
class MaskRecipe:
    """Everything that determines the masker's weights, except the machine's rounding.

    Args:
        crops: the folder of crops; folder: receives checkpoints, the curve and the weights.
        batch: crops per step.
        mean_decay: decay per step of the exponential mean of the weights, which is what is written.
    """

    crops: Path
    folder: Path
    steps: int = 1500
    batch: int = 48
    learning_rate: float = 3e-3
    mean_decay: float = 0.995
    seed: int = 7


@dataclass(frozen=True, slots=True)
class MaskBatch:
    """Normalised crops (N, 3, H, W) and how much of each pixel is the object (N, H, W), 0..1."""

    crops_N3HW: Tensor
    masks_NHW: Tensor


class MaskBatches:
    """`batch(step)`: the same step always gives the same crops."""

    def __init__(self, crops: MaskCrops, size: int, seed: int) -> None:
        self._crops, self._size, self._seed = crops, size, seed

    def __call__(self, step: int) -> MaskBatch:
        rng = np.random.default_rng([self._seed, step])
        pictures: list[NDArray[np.uint8]] = []
        masks: list[NDArray[np.uint8]] = []
        for row in np.sort(rng.integers(0, len(self._crops.pictures), self._size)):
            picture, mask = _view(self._crops.pictures[row], self._crops.masks[row], rng)
            pictures.append(disturb(picture, rng))
            masks.append(mask)
        shown = normalise(np.stack(pictures), [(1.0, 1.0)] * self._size)
        return MaskBatch(shown, torch.from_numpy(np.stack(masks)).float() / 255)


class MaskTask:
    """Cross-entropy for each pixel, and the Dice loss for each object, small and large alike."""

    def __init__(self, net: BoxMaskNet) -> None:
        self._net = net.to(memory_format=torch.channels_last)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"masker": self._net}

    def size(self, batch: MaskBatch) -> float:
        return len(batch.masks_NHW)

    def losses(self, batch: MaskBatch, size: float) -> dict[str, Tensor]:
        del size  # every batch has the same number of crops
        logits_NHW = self._net(batch.crops_N3HW.to(memory_format=torch.channels_last))
        pixel = F.binary_cross_entropy_with_logits(logits_NHW, batch.masks_NHW)
        shown = logits_NHW.sigmoid()
        both, either = (shown * batch.masks_NHW).sum((1, 2)), (shown + batch.masks_NHW).sum((1, 2))
        dice = (1 - (2 * both + 1) / (either + 1)).mean()
        return {"pixel": pixel, "dice": dice, "total": 2 * pixel + dice}


def train_masker(recipe: MaskRecipe, crops: MaskCrops, on_progress: Callable[[Progress], None]) -> Path:
    """Train, or continue from the last checkpoint in `recipe.folder`; returns the weights' file.

    Raises:
        TrainingError: see `trainer.train`.
    """
    torch.manual_seed(recipe.seed)
    path = recipe.folder / "masker.safetensors"
    settings = {name: value for name, value in asdict(recipe).items() if name not in ("crops", "folder", "steps")}
    identity = {**settings, "crops": len(crops.pictures)}

    def write(step: int, networks: Mapping[str, nn.Module]) -> None:
        write_net(path, networks["masker"])
        path.with_suffix(".json").write_text(json.dumps({"recipe": identity, "steps": step}, indent=1) + "\n")

    options = TrainingOptions(
        recipe.steps, recipe.learning_rate, weight_decay=0.02, mean_decay=recipe.mean_decay, checkpoint_every=100
    )
    batches = MaskBatches(crops, recipe.batch, recipe.seed)
    train(MaskTask(BoxMaskNet()), batches, options, recipe.folder, Watcher(on_progress, write), identity=identity)
    return path


def _view(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A stored crop as the network gets it around an inexact box, perhaps mirrored."""
    side = picture.shape[0]
    box = side / STORED_SCALE
    centre = side / 2 + rng.normal(0, _SHIFT, 2).clip(-0.12, 0.12) * box
    size = box * np.exp(rng.normal(0, _STRETCH, 2).clip(-0.2, 0.2))
    x1, y1, x2, y2 = (float(value) for value in (*(centre - size / 2), *(centre + size / 2)))
    crop_from_stored = crop_matrix((x1, y1, x2, y2), CROP_SCALE, CROP_PX)
    if rng.random() < 0.5:
        picture, mask = np.ascontiguousarray(picture[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
    if rng.random() < _COARSE:
        few = round(side * rng.uniform(0.25, 0.6))
        picture = np.asarray(cv2.resize(picture, (few, few), interpolation=cv2.INTER_AREA), np.uint8)
        picture = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    shown = warp(picture, crop_from_stored, CROP_PX)
    return shown, warp(mask, crop_from_stored, CROP_PX, cv2.BORDER_CONSTANT)
