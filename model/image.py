"""A picture as it comes to the detector: RGB on the host, or what a video decoder gave, wherever that lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Matrix = Literal["bt601", "bt709"]


class ImageError(RuntimeError):
    """A picture that was decoded can be neither converted nor brought to the host."""


class Plane(Protocol):
    """Values in memory of the host or of a GPU, for whoever speaks DLPack (https://dmlc.github.io/dlpack)."""

    def __dlpack__(self) -> object: ...


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """A picture in YUV 4:2:0: brightness everywhere, colour for two by two pixels.

    A detector on a GPU makes of it what it needs, so that nobody converts it before, and what was decoded on a GPU
    does not leave it.

    Args:
        planes: uint8: brightness (h, w); then both colours (h / 2, w / 2, 2), or each for itself; rounded up.
        shape: (height, width, 3), as of an array.
        matrix: how colours were made of RGB.
        full_range: brightness takes all of 0..255, else 16..235.
        gpu: the number of the CUDA device whose memory the planes lie in, None for the host's.
        to_rgb: makes the picture as an array on the host, from any thread, or raises `ImageError`.
        corner_xy: where in the planes the picture begins.
    """

    planes: tuple[Plane, ...]
    shape: tuple[int, int, int]
    matrix: Matrix
    full_range: bool
    gpu: int | None
    to_rgb: Callable[[], Rgb]
    corner_xy: tuple[int, int] = (0, 0)

    def part(self, left: int, top: int, right: int, bottom: int) -> DecodedImage:
        """What lies inside, px."""
        return replace(
            self,
            shape=(bottom - top, right - left, 3),
            to_rgb=lambda: np.ascontiguousarray(self.to_rgb()[top:bottom, left:right]),
            corner_xy=(self.corner_xy[0] + left, self.corner_xy[1] + top),
        )


Image = Rgb | DecodedImage
"""(height, width, 3) uint8 RGB; or the same before it was converted."""


def rgb_of(image: Image) -> Rgb:
    """(height, width, 3) uint8 RGB on the host."""
    return image.to_rgb() if isinstance(image, DecodedImage) else image


def is_on_gpu(image: Image) -> bool:
    """Whether it has to be brought to the host to be looked at there."""
    return isinstance(image, DecodedImage) and image.gpu is not None
