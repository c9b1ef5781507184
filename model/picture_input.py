# pyright: reportUnknownMemberType=false
"""Pictures on their way into the network: resized, normalised and padded, on the host or on the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..cuda.image_prep import image_prep
from ..cuda.transfer import UploadRing
from .input_rule import InputRule
from .preprocess import InputSize, normalise, preparation
from .ticket import Image


class PictureInput:
    """Makes one tensor of pictures that lie alike in the network's input. On a GPU for one thread.

    Args:
        rule: how the weights were fed.
        device, dtype: of the network.
        on_device: upload pictures as they are, and prepare them there in one pass; None is on a GPU.
    """

    def __init__(
        self, rule: InputRule, device: torch.device, dtype: torch.dtype, on_device: bool | None = None
    ) -> None:
        self._rule, self._device, self._dtype = rule, device, dtype
        self._on_device = device.type == "cuda" if on_device is None else on_device
        self._ring = UploadRing(device)

    def __call__(self, images: Sequence[Image], size: InputSize) -> Tensor:
        """(B, 3, H, W)"""
        if self._on_device:
            return self._prepared_there(images, size)
        canvases = np.stack([self._rule.resize(image, size) for image in images])
        return normalise(canvases, [size.valid_xy] * len(images)).to(self._device, self._dtype)

    def _prepared_there(self, images: Sequence[Image], size: InputSize) -> Tensor:
        how = preparation(size, self._rule.filter)
        out_BHW3 = torch.empty(len(images), *size.canvas_hw, 3, dtype=self._dtype, device=self._device)
        out_B3HW = out_BHW3.permute(0, 3, 1, 2)
        with self._ring.upload(images) as pictures:
            for row, picture in enumerate(pictures):
                image_prep(picture[None], how, self._dtype, out_B3HW[row : row + 1])
        return out_B3HW
