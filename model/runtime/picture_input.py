"""Picture input: pictures resized, normalised and padded to one tensor, on the host or on the device."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from ...cuda.image_prep import Yuv420, image_prep
from ...cuda.transfer import UploadRing
from ..image import DecodedImage, Image, rgb_of
from .input_rule import InputRule
from .preprocess import InputSize, normalise, preparation


class PictureInput:
    """Makes one tensor of pictures that have the same input size. On a GPU for one thread.

    Args:
        rule: how pictures were resized in training.
        device, dtype: the network's.
        on_device: upload pictures unchanged and prepare them there in one pass; None is true on a GPU.
    """

    def __init__(
        self, rule: InputRule, device: torch.device, dtype: torch.dtype, on_device: bool | None = None
    ) -> None:
        self._rule, self._device, self._dtype = rule, device, dtype
        self._on_device = device.type == "cuda" if on_device is None else on_device
        self._ring = UploadRing(device)

    def __call__(self, images: Sequence[Image], size: InputSize) -> Tensor:
        """(B, 3, H, W): the pictures, all of that input size."""
        if self._on_device:
            return self._prepare_on_device(images, size)
        canvases = np.stack([self._rule.resize(rgb_of(image), size) for image in images])
        return normalise(canvases, [size.valid_xy] * len(images)).to(self._device, self._dtype)

    def _prepare_on_device(self, images: Sequence[Image], size: InputSize) -> Tensor:
        how = preparation(size, self._rule.filter)
        out_BHW3 = torch.empty(len(images), *size.canvas_hw, 3, dtype=self._dtype, device=self._device)
        out_B3HW = out_BHW3.permute(0, 3, 1, 2)
        uploads = [_planes(image) if self._can_upload_planes(image) else [rgb_of(image)] for image in images]
        with self._ring.upload([array for arrays in uploads for array in arrays]) as uploaded:
            pieces = iter(uploaded)
            for row, (image, arrays) in enumerate(zip(images, uploads, strict=True)):
                picture = _picture(image, list(islice(pieces, len(arrays))))
                image_prep(picture, how, self._dtype, out_B3HW[row : row + 1])
        return out_B3HW

    def _can_upload_planes(self, image: Image) -> TypeGuard[DecodedImage]:
        """Whether it is in planes that can be uploaded in place."""
        return isinstance(image, DecodedImage) and image.gpu in (None, self._device.index)


def _planes(image: DecodedImage) -> list[Tensor]:
    """The picture's parts of the planes, without a copy: luma, then chroma."""
    left, top = image.corner_xy
    height, width = image.shape[:2]
    luma_HW, *halves = (from_dlpack(plane.__dlpack__()) for plane in image.planes)  # waits for no stream
    half = slice(top // 2, (top + height + 1) // 2), slice(left // 2, (left + width + 1) // 2)
    return [luma_HW[top : top + height, left : left + width], *(one[half] for one in halves)]


def _picture(image: Image, uploaded: list[Tensor]) -> Tensor | Yuv420:
    """One picture from its uploaded planes."""
    luma_HW, *halves = uploaded
    if not (halves and isinstance(image, DecodedImage)):
        return luma_HW[None]
    u_HW, v_HW = halves[0].unbind(-1) if len(halves) == 1 else halves
    left, top = image.corner_xy
    return Yuv420(luma_HW[None], u_HW[None], v_HW[None], image.matrix, image.full_range, (top % 2, left % 2))
