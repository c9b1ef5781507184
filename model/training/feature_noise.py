"""Feature noise: normal noise on the features between the network's parts, in training alone.

It is far larger than the rounding of half precision, so that a trained model is robust to rounding.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from ..dino.edge_encoder import EdgeEncoder
from ..dino.grounding_dino import GroundingDino


def add_feature_noise(model: GroundingDino, deviation: float) -> None:
    """Add normal noise to the Edge body's maps, before, within and after its encoder, and between decoder layers.

    These features are outputs of norms, with a standard deviation of about 1.
    """

    def disturb(part: nn.Module, _inputs: object, features: Tensor) -> Tensor:
        return features + deviation * torch.randn_like(features) if part.training else features

    for part in _places(model):
        part.register_forward_hook(disturb)


def _places(model: GroundingDino) -> Iterator[nn.Module]:
    yield from model.backbone.project
    encoder = cast("EdgeEncoder", model.encoder)
    for layer in encoder.layers:
        yield layer.get_submodule("image_feed_forward")
    yield from encoder.merge
    yield from list(model.decoder.layers)[:-1]
