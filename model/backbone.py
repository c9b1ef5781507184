"""The picture as maps of features: a timm network, and the projection to one width.

Letters: B picture, C channel, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """Maps of several strides, all `width` channels wide, the finest first."""

    def __init__(self, name: str, levels: Sequence[int], width: int) -> None:
        super().__init__()
        import timm  # imports torchvision: only when a model is built

        self.body = timm.create_model(name, pretrained=False, features_only=True, out_indices=tuple(levels))
        channels: list[int] = cast("Any", self.body).feature_info.channels()
        self.project = nn.ModuleList(
            nn.Sequential(nn.Conv2d(count, width, 1), nn.GroupNorm(32, width)) for count in channels
        )

    def forward(self, pictures_B3HW: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(pictures_B3HW.to(memory_format=torch.channels_last))
        return [project(one) for project, one in zip(self.project, maps, strict=True)]
