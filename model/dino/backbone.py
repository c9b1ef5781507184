"""Backbone: feature maps of the picture from a timm network or our own, projected to one width.

Letters: B picture, C channel, H W pixels.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from .fasternet import FasterNetT0
from .swin import Swin


class Backbone(nn.Module):
    """Maps of several strides, all `width` channels wide, the finest first.

    Attributes:
        body: computes the maps, before the projection.
        channels: number of channels of each map of the body.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.body, self.channels = _body(config)
        channels = self.channels
        projections = [nn.Conv2d(count, config.width, 1) for count in channels]
        for extra in range(config.extra_levels):
            last = channels[-1] if extra == 0 else config.width
            projections.append(nn.Conv2d(last, config.width, 3, stride=2, padding=1))
        norm = _ExactGroupNorm if config.body == "full" else nn.GroupNorm
        self.project = nn.ModuleList(nn.Sequential(conv, norm(32, config.width)) for conv in projections)

    def forward(self, pictures_B3HW: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(pictures_B3HW.to(memory_format=torch.channels_last))
        coarsest = maps[-1]
        projected = [project(one) for project, one in zip(self.project, maps, strict=False)]
        for project in self.project[len(maps) :]:  # extra levels, coarser than the network's
            coarsest = project(coarsest)
            projected.append(coarsest)
        return projected


def _body(config: ModelConfig) -> tuple[nn.Module, list[int]]:
    """The network, and the number of channels of each of its maps."""
    if config.backbone == "fasternet_t0":
        network = FasterNetT0(config.levels)
        return network, network.channels
    import timm  # it imports torchvision and PyTorch's compiler: seconds that the embedded model does not need

    options: dict[str, Any]
    if config.backbone.startswith("swin"):
        options = {"strict_img_size": False, "always_partition": True, "num_classes": 0, "drop_path_rate": 0.2}
        swin = Swin(timm.create_model(config.backbone, **{**options, **config.backbone_options}), config.levels)
        return swin, swin.channels
    options = {"features_only": True, "out_indices": config.levels, **config.backbone_options}
    body = timm.create_model(config.backbone, **options)
    return body, cast("Any", body).feature_info.channels()


class _ExactGroupNorm(nn.GroupNorm):
    """Group norm of contiguous maps: torch's channels-last kernel computes the variance from sums and errs by 1e-3."""

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(x.contiguous())
