"""Noise on what the network's parts hand on, in training alone.

What rounding in half precision changes is far less than this, so that it hardly changes an answer.
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

    Each of these comes out of a norm, and its own deviation is about 1.
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
