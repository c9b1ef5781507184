"""Which cells of padded maps show picture.

Letters: B picture, S flattened cells of all levels, L level, H W cells.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...cuda.size_cache import cached
from .sine_embedding import map_embedding

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PictureArea:
    """The pictures of a batch within maps of one size.

    Args:
        shapes: (height, width) of each level's map.
        cells_BL: (height, width) of the part of each map that shows the picture.
        device: of what is computed from it.
    """

    shapes: tuple[Shape, ...]
    cells_BL: tuple[tuple[Shape, ...], ...]
    device: torch.device

    @classmethod
    def of(cls, input_hw: Shape, shapes: Sequence[Shape], valid_B2: Tensor | None, device: torch.device) -> PictureArea:
        """From the width and height of each picture within the input, in 0..1; None where nothing is padded."""
        if valid_B2 is None:
            return cls(tuple(shapes), (tuple(shapes),), device)
        pictures: list[tuple[Shape, ...]] = []
        valid: list[tuple[float, float]] = valid_B2.tolist()
        for x, y in valid:
            picture_hw = round(y * input_hw[0]), round(x * input_hw[1])
            pictures.append(tuple(_cells(picture_hw, input_hw, shape) for shape in shapes))
        return cls(tuple(shapes), tuple(pictures), device)

    @property
    def padded(self) -> bool:
        """Whether any map shows anything but picture."""
        return any(cells != self.shapes for cells in self.cells_BL)

    @property
    def ratios(self) -> Tensor:
        """(B, L, 2): the part of each map's width and height that shows the picture, in 0..1."""
        return _ratios(self.cells_BL, self.shapes, self.device)

    @property
    def padding(self) -> Tensor | None:
        """(B, S): true where no picture is; None where it is everywhere."""
        return _padding(self.cells_BL, self.shapes, self.device) if self.padded else None

    @property
    def centres(self) -> Tensor:
        """(B, S, 2): x, y of each cell's centre in 0..1 of the picture; beyond 1 in the padding."""
        return _centres(self.cells_BL, self.shapes, self.device)

    def places(self, level_embed_LC: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, S, C): sine embeddings of the cells' places in the picture, and which level they belong to.

        Kept per size where the levels' embeddings are frozen, as `build` leaves them: they change no more.
        """
        return (_places if level_embed_LC.requires_grad else _kept_places)(self, level_embed_LC, dtype)


def _cells(picture_hw: Shape, input_hw: Shape, shape: Shape) -> Shape:
    """How many cells the mask of the picture keeps when it is shrunk to the map, nearest neighbour."""
    height, width = (
        sum(1 for i in range(cells) if i * whole // cells < part)
        for cells, whole, part in zip(shape, input_hw, picture_hw, strict=True)
    )
    return height, width


def _places(area: PictureArea, level_embed_LC: Tensor, dtype: torch.dtype) -> Tensor:
    C = level_embed_LC.shape[1]
    rows: list[Tensor] = []
    for cells_L in area.cells_BL:
        levels: list[Tensor] = []
        for (height, width), (h, w), level_C in zip(area.shapes, cells_L, level_embed_LC, strict=True):
            place_CHW = F.pad(map_embedding(h, w, C, area.device), (0, width - w, 0, height - h))
            levels.append(place_CHW.flatten(1).T.to(level_C.dtype) + level_C)
        rows.append(torch.cat(levels))
    return torch.stack(rows).to(dtype)


@cached(4)
def _kept_places(area: PictureArea, level_embed_LC: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(mode=False):  # what is kept may be used in training later
        return _places(area, level_embed_LC, dtype)


Cells = tuple[tuple[Shape, ...], ...]


@cached(32)
def _ratios(cells_BL: Cells, shapes: tuple[Shape, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):  # what is kept may be used in training later
        parts = [[(w / W, h / H) for (h, w), (H, W) in zip(own, shapes, strict=True)] for own in cells_BL]
        return torch.tensor(parts, device=device)


@cached(32)
def _padding(cells_BL: Cells, shapes: tuple[Shape, ...], device: torch.device) -> Tensor:
    def outside(picture: Shape, shape: Shape) -> Tensor:
        outside_HW = torch.ones(shape, dtype=torch.bool, device=device)
        outside_HW[: picture[0], : picture[1]] = False
        return outside_HW.flatten()

    return _of_all_maps(outside, cells_BL, shapes)


@cached(32)
def _centres(cells_BL: Cells, shapes: tuple[Shape, ...], device: torch.device) -> Tensor:
    def centres(picture: Shape, shape: Shape) -> Tensor:
        y_H, x_W = (
            (torch.arange(whole, device=device, dtype=torch.float32) + 0.5) / part
            for whole, part in zip(shape, picture, strict=True)
        )
        y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
        return torch.stack([x_HW, y_HW], -1).flatten(0, 1)

    return _of_all_maps(centres, cells_BL, shapes)


def _of_all_maps(of_map: Callable[[Shape, Shape], Tensor], cells_BL: Cells, shapes: tuple[Shape, ...]) -> Tensor:
    """(B, S, ...): what is said of each map, given the part that shows the picture and the whole."""
    with torch.inference_mode(mode=False):  # what is kept may be used in training later
        return torch.stack([torch.cat([of_map(*both) for both in zip(own, shapes, strict=True)]) for own in cells_BL])
