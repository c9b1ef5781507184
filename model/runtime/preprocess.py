"""Preprocessing: a picture resized, normalised and padded for the network.

Letters: B picture, H W pixels.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ...cuda.image_prep import Filter, Preparation

SHORT_SIDE, MAX_LONG_SIDE = 800, 1333  # px; the training size of published models

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255
_MAX_SIDE_RATIO = 4.0  # limit of the input's long side relative to a square of the same area
_MULTIPLE = 32  # the coarsest stride: every map then covers the input exactly


@dataclass(frozen=True, slots=True)
class InputSize:
    """The size of a picture within the network's input.

    Args:
        picture_hw: the resized picture's size, px.
        canvas_hw: the input's size, with padding on the right and below, px.
    """

    picture_hw: tuple[int, int]
    canvas_hw: tuple[int, int]

    @property
    def padded(self) -> bool:
        return self.picture_hw != self.canvas_hw

    @property
    def valid_xy(self) -> tuple[float, float]:
        """The fractions of the canvas's width and height that the picture fills."""
        return self.picture_hw[1] / self.canvas_hw[1], self.picture_hw[0] / self.canvas_hw[0]


def input_size(height: int, width: int, pixels: int) -> InputSize:
    """Keep the aspect ratio at an area of `pixels`; pad both sides to a multiple of 32.

    A picture at least sixteen times as wide as high gets less than the area, which bounds its padded length.
    """
    scale = min((pixels / (height * width)) ** 0.5, _MAX_SIDE_RATIO * pixels**0.5 / max(height, width))
    picture = max(1, round(height * scale)), max(1, round(width * scale))
    canvas = tuple(-(-side // _MULTIPLE) * _MULTIPLE for side in picture)
    return InputSize(picture, (canvas[0], canvas[1]))


def short_side_size(height: int, width: int, short: int, longest: int) -> InputSize:
    """The original: a short side of `short` px, or less so that the long one is at most `longest`; no padding."""
    small, large = min(height, width), max(height, width)
    exact = float(short)
    if large / small * short > longest:
        exact = longest * small / large
    side = max(1, round(exact))
    if small == side:
        return InputSize((height, width), (height, width))
    other = max(1, int((exact if exact != short else side) * large / small))
    picture = (side, other) if height <= width else (other, side)
    return InputSize(picture, picture)


def resize_as_published(image: NDArray[np.uint8], size: InputSize) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB -> bilinear with antialias, as in the training of published models and in transformers."""
    if image.shape[:2] == size.picture_hw:
        return image
    writable = image if image.flags.writeable and image.flags.c_contiguous else image.copy()
    pixels_13HW = torch.from_numpy(writable).permute(2, 0, 1)[None]
    resized = F.interpolate(pixels_13HW, size.picture_hw, mode="bilinear", antialias=True, align_corners=False)
    return np.asarray(resized[0].permute(1, 2, 0).contiguous(), np.uint8)


def preprocess(image: NDArray[np.uint8], size: InputSize) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB -> the canvas, uint8; antialiased if it shrinks."""
    height, width = size.picture_hw
    shrinks = height < image.shape[0] or width < image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if size.canvas_hw == size.picture_hw:
        return np.asarray(resized, np.uint8)
    canvas = np.zeros((*size.canvas_hw, 3), np.uint8)
    canvas[:height, :width] = resized
    return canvas


def normalise(canvases: NDArray[np.uint8], valid: Sequence[tuple[float, float]]) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) fp32, channels last in memory; padding becomes zero, the mean colour."""
    values = canvases.astype(np.float32)
    values -= IMAGENET_MEAN
    values *= 1 / IMAGENET_STD
    _, height, width, _ = canvases.shape
    for row, (x, y) in enumerate(valid):
        values[row, round(y * height) :] = 0.0
        values[row, :, round(x * width) :] = 0.0
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def preparation(size: InputSize, resizing: Filter) -> Preparation:
    """The arguments of the same preparation in one pass on a GPU: 'bilinear' is bit-equal to `resize_as_published`,
    'area' differs from `preprocess` by at most 1 of 255.
    """
    red, green, blue = (float(mean) for mean in IMAGENET_MEAN)
    by_red, by_green, by_blue = (float(scale) for scale in 1 / IMAGENET_STD)
    return Preparation(size.picture_hw, size.canvas_hw, (red, green, blue), (by_red, by_green, by_blue), resizing)
