"""Input rule: the size of a picture in the network's input, and how it is resized to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...cuda.image_prep import Filter
from ..config import ModelConfig
from .preprocess import (
    MAX_LONG_SIDE,
    SHORT_SIDE,
    InputSize,
    input_size,
    preprocess,
    resize_as_published,
    short_side_size,
)


@dataclass(frozen=True, slots=True)
class InputRule:
    """The Edge body resizes to a fixed area, the full body to a short side with a limit of the long one.

    Args:
        config: the model's configuration.
        short_side: of the input, px (for a fixed area, of a 4:3 picture); None is the size of the training.
    """

    config: ModelConfig
    short_side: int | None = None

    def size(self, height: int, width: int, scale: float = 1.0) -> InputSize:
        """The input size of a picture of `height` x `width` px, multiplied by `scale`."""
        if self.config.body == "edge":
            return input_size(height, width, round(self._area * scale**2))
        short, longest = (round(side * scale) for side in self._sides)
        return short_side_size(height, width, short, longest)

    def resize(self, image: NDArray[np.uint8], size: InputSize) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB -> the canvas, uint8; resized as in training."""
        return preprocess(image, size) if self.config.body == "edge" else resize_as_published(image, size)

    @property
    def filter(self) -> Filter:
        """The name of `resize`'s filter."""
        return "area" if self.config.body == "edge" else "bilinear"

    @property
    def trained(self) -> ModelConfig:
        """The configuration of weights trained with this rule."""
        if self.config.body == "edge":
            return replace(self.config, input_pixels=self._area)
        return replace(self.config, input_short=self._sides[0])

    def __str__(self) -> str:
        if self.config.body == "edge":
            return f"an area of {self._area} px"
        short, longest = self._sides
        return f"short side {short} px, long side at most {longest} px"

    @property
    def _area(self) -> int:
        return self.config.input_pixels if self.short_side is None else round(self.short_side**2 * 4 / 3)

    @property
    def _sides(self) -> tuple[int, int]:
        short = self.short_side or self.config.input_short
        return short, round(short * MAX_LONG_SIDE / SHORT_SIDE)
