# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""What a detector learns from: pictures, captions and the boxes that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..grounding_dino import GroundingDino
from ..text_encoder import Words
from .dense import DensePlaces
from .loss import LossWeights, detection_loss
from .matching import Truth


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from; shapes as in `GroundingDino.forward`."""

    pictures_B3HW: Tensor
    valid_B2: Tensor
    words: Words
    truths: list[Truth]


class DetectionLesson:
    """The losses of DINO on every decoder layer and on the proposals, and the dense helper's."""

    def __init__(self, model: GroundingDino, weights: LossWeights | None = None, *, bfloat16: bool = False) -> None:
        """`bfloat16` autocasts the forward pass; it only pays where the processor computes in bfloat16."""
        self._model = model
        self._dense = DensePlaces(model.config).to(next(model.parameters()).device)
        self._weights = weights or LossWeights()
        self._bfloat16 = bfloat16

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"model": self._model, "dense": self._dense}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        device = next(self._model.parameters()).device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16):
            words = batch.words.to(device)
            output = self._model(batch.pictures_B3HW.to(device), self._model.read(words), batch.valid_B2.to(device))
        truths = [Truth(truth.boxes_G4.to(device), truth.answers_GT.to(device)) for truth in batch.truths]
        losses = detection_loss(output, truths, words.no_word_BT, self._weights)
        losses["dense"] = self._dense(output, truths, words.no_word_BT)
        losses["total"] = losses["total"] + self._weights.dense * losses["dense"]
        return losses
