"""The detector's input pictures: RGB arrays on the host, or a video decoder's planes in host or GPU memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Matrix = Literal["bt601", "bt709"]


class ImageError(RuntimeError):
    """A decoded picture cannot be converted or copied to the host."""


class Plane(Protocol):
    """An array in host or GPU memory, readable through DLPack (https://dmlc.github.io/dlpack)."""

    def __dlpack__(self) -> object: ...


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """A picture in YUV 4:2:0: luma for each pixel, chroma for each 2 x 2 pixels.

    A detector on a GPU converts it there, so that it is not converted on the host, and a picture decoded on a GPU
    stays on it.

    Args:
        planes: uint8: luma (h, w); then chroma, interleaved (h / 2, w / 2, 2) or as two planes; rounded up.
        shape: (height, width, 3), as for an RGB array.
        matrix: the standard by which RGB was converted to YUV.
        full_range: luma takes all of 0..255, else 16..235.
        gpu: the number of the CUDA device that holds the planes; None for host memory.
        to_rgb: converts the picture to an array on the host, from any thread; raises `ImageError`.
        corner_xy: the picture's top left corner in the planes, px.
    """

    planes: tuple[Plane, ...]
    shape: tuple[int, int, int]
    matrix: Matrix
    full_range: bool
    gpu: int | None
    to_rgb: Callable[[], Rgb]
    corner_xy: tuple[int, int] = (0, 0)

    def part(self, left: int, top: int, right: int, bottom: int) -> DecodedImage:
        """The part of the picture within these edges, px."""
        return replace(
            self,
            shape=(bottom - top, right - left, 3),
            to_rgb=lambda: np.ascontiguousarray(self.to_rgb()[top:bottom, left:right]),
            corner_xy=(self.corner_xy[0] + left, self.corner_xy[1] + top),
        )


Image = Rgb | DecodedImage
"""(height, width, 3) uint8 RGB, or a decoded picture before its conversion."""


def rgb_of(image: Image) -> Rgb:
    """(height, width, 3) uint8 RGB on the host."""
    return image.to_rgb() if isinstance(image, DecodedImage) else image


def is_on_gpu(image: Image) -> bool:
    """Whether the picture is in GPU memory."""
    return isinstance(image, DecodedImage) and image.gpu is not None
