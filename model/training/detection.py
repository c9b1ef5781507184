"""Detection training: the losses of a detector on a batch of labelled pictures."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..dino.grounding_dino import GroundingDino
from .batch import Batch
from .denoising import NoisedQueries
from .dense import DensePlaces
from .loss import LossWeights, detection_loss


class DetectionTask:
    """DINO's losses on every decoder layer, on the proposals and on noised boxes, and the dense auxiliary loss."""

    def __init__(
        self,
        model: GroundingDino,
        weights: LossWeights | None = None,
        *,
        denoise: bool = False,
        bfloat16: bool = False,
    ) -> None:
        """
        Args:
            model: the model to train, on its device.
            weights: of the losses. Weight 0 turns the dense loss off.
            denoise: batches contain noised boxes.
            bfloat16: autocast the forward pass; it is faster only on a processor with bfloat16 products.
        """
        device = next(model.parameters()).device
        self._weights = weights or LossWeights()
        self._model = model
        self._dense = DensePlaces(model.config).to(device) if self._weights.dense else None
        self._noised = NoisedQueries(model.config.width).to(device) if denoise else None
        self._bfloat16 = bfloat16

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        helpers = {"noised": self._noised, "dense": self._dense}
        return {"model": self._model, **{name: one for name, one in helpers.items() if one is not None}}

    def size(self, batch: Batch) -> float:
        """The number of true boxes."""
        return sum(len(truth.boxes_G4) for truth in batch.truths)

    def losses(self, batch: Batch, size: float) -> dict[str, Tensor]:
        device = next(self._model.parameters()).device
        words = batch.words.to(device)
        valid_B2 = None if bool((batch.valid_B2 == 1).all()) else batch.valid_B2.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16):
            enhanced = self._model.enhance(batch.pictures_B3HW.to(device), self._model.read(words), valid_B2)
            noised, extra = None, None
            if self._noised is not None and batch.noised is not None:
                noised = batch.noised.to(device)
                extra = self._noised(noised, enhanced)
            output = self._model.answer(enhanced, extra=extra, every_layer=True)
        truths = [truth.to(device) for truth in batch.truths]
        losses = detection_loss(output, truths, self._weights, size, noised)
        if self._dense is not None:
            losses["dense"] = self._dense(output, truths)
            losses["total"] = losses["total"] + self._weights.dense * losses["dense"]
        return losses
