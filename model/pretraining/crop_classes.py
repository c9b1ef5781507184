"""The task of a pretraining: the class of a crop, read off each of the backbone's maps by a head that is thrown away.

Letters: N crop, C class, P pixels of a crop's side.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..dino.backbone import Backbone
from ..training.crops import middle_mean
from .crop_batches import ObjectCrops

_FIRST_WEIGHT = 0.3  # of the finest map's loss; the coarsest has 1
_SMOOTHING = 0.05
_DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class CropFigures:
    """How many crops are told right.

    Args:
        top1: the fraction of the crops.
        class_top1: the mean over classes of that fraction.
        crops: how many were judged.
    """

    top1: float
    class_top1: float
    crops: int


class ObjectClassTask:
    """Classifies crops from the middle of each of the backbone's maps."""

    def __init__(self, backbone: Backbone, classes: int, device: str = "cpu", *, bfloat16: bool = False) -> None:
        self._body = backbone.body.to(device).to(memory_format=torch.channels_last)
        self._heads = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Dropout(_DROPOUT), nn.Linear(width, classes))
            for width in backbone.channels
        ).to(device)
        self._device, self._bfloat16 = device, bfloat16
        self._weights = torch.linspace(_FIRST_WEIGHT, 1.0, len(self._heads)).tolist()

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"backbone": self._body, "heads": self._heads}

    def size(self, batch: ObjectCrops) -> float:
        return len(batch.classes_N)

    def losses(self, batch: ObjectCrops, size: float) -> dict[str, Tensor]:
        """The loss of each map by its number, the finest first; their weighted sum is minimised."""
        classes_N, allowed_NC = batch.classes_N.to(self._device), batch.allowed_NC.to(self._device)
        losses = {
            f"map {number}": _cross_entropy(logits_NC, classes_N, allowed_NC) / size
            for number, logits_NC in enumerate(self._logits(batch), 1)
        }
        total = torch.stack([weight * own for weight, own in zip(self._weights, losses.values(), strict=True)]).sum()
        return {**losses, "total": total}

    @torch.no_grad()
    def judge(self, batches: Iterable[ObjectCrops]) -> CropFigures:
        """Compare the class that all maps together find likeliest with the true one."""
        was_training = {part: part.training for network in self.networks.values() for part in network.modules()}
        for network in self.networks.values():
            network.eval()
        right: list[Tensor] = []
        true: list[Tensor] = []
        for batch in batches:
            closed_NC = ~batch.allowed_NC.to(self._device)
            scores_NC = sum(
                logits_NC.masked_fill(closed_NC, -torch.inf).softmax(1) for logits_NC in self._logits(batch)
            )
            assert isinstance(scores_NC, Tensor)
            right.append(scores_NC.argmax(1).cpu() == batch.classes_N)
            true.append(batch.classes_N)
        for part, training in was_training.items():
            part.training = training
        right_N, true_N = torch.cat(right).double(), torch.cat(true)
        of_classes = [right_N[true_N == one].mean() for one in true_N.unique()]
        return CropFigures(float(right_N.mean()), float(torch.stack(of_classes).mean()), len(true_N))

    def _logits(self, batch: ObjectCrops) -> list[Tensor]:
        """(N, C) of each map."""
        pictures_N3PP = batch.pictures_N3PP.to(self._device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(self._device).type, torch.bfloat16, enabled=self._bfloat16):
            maps: list[Tensor] = self._body(pictures_N3PP)
            return [head(middle_mean(one)).float() for head, one in zip(self._heads, maps, strict=True)]


def _cross_entropy(logits_NC: Tensor, classes_N: Tensor, allowed_NC: Tensor) -> Tensor:
    """The sum over crops, with smoothed labels, among the allowed classes alone."""
    closed_NC = ~allowed_NC
    logs_NC = logits_NC.masked_fill(closed_NC, -torch.inf).log_softmax(1).masked_fill(closed_NC, 0.0)
    true_N = logs_NC.gather(1, classes_N[:, None])[:, 0]
    even_N = logs_NC.sum(1) / allowed_NC.sum(1)
    return -((1 - _SMOOTHING) * true_N + _SMOOTHING * even_N).sum()
