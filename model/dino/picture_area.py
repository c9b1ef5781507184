"""Picture area: which cells of padded maps show the picture.

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
    """The areas of a batch's pictures within maps of one size.

    Args:
        shapes: (height, width) of each level's map.
        cells_BL: (height, width) of the part of each map that shows the picture.
        device: of the tensors computed from it.
    """

    shapes: tuple[Shape, ...]
    cells_BL: tuple[tuple[Shape, ...], ...]
    device: torch.device

    @classmethod
    def of(cls, input_hw: Shape, shapes: Sequence[Shape], valid_B2: Tensor | None, device: torch.device) -> PictureArea:
        """From the width and height of each picture within the input, in 0..1; None without padding."""
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
        """Whether any map has padding."""
        return any(cells != self.shapes for cells in self.cells_BL)

    @property
    def ratios(self) -> Tensor:
        """(B, L, 2): the part of each map's width and height that shows the picture, in 0..1."""
        return _ratios(self.cells_BL, self.shapes, self.device)

    @property
    def padding(self) -> Tensor | None:
        """(B, S): true in the padding; None without padding."""
        return _padding(self.cells_BL, self.shapes, self.device) if self.padded else None

    @property
    def centres(self) -> Tensor:
        """(B, S, 2): x, y of each cell's centre in 0..1 of the picture; beyond 1 in the padding."""
        return _centres(self.cells_BL, self.shapes, self.device)

    def places(self, level_embed_LC: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, S, C): sine embeddings of the cells' positions in the picture, plus the embeddings of their levels.

        Cached per size if the levels' embeddings are frozen, as `build` leaves them.
        """
        return (_places if level_embed_LC.requires_grad else _cached_places)(self, level_embed_LC, dtype)


def _cells(picture_hw: Shape, input_hw: Shape, shape: Shape) -> Shape:
    """The number of cells of the picture's mask, resized to the map by nearest neighbour."""
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
def _cached_places(area: PictureArea, level_embed_LC: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        return _places(area, level_embed_LC, dtype)


Cells = tuple[tuple[Shape, ...], ...]


@cached(32)
def _ratios(cells_BL: Cells, shapes: tuple[Shape, ...], device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        parts = [[(w / W, h / H) for (h, w), (H, W) in zip(cells_L, shapes, strict=True)] for cells_L in cells_BL]
        return torch.tensor(parts, device=device)


@cached(32)
def _padding(cells_BL: Cells, shapes: tuple[Shape, ...], device: torch.device) -> Tensor:
    def outside(picture: Shape, shape: Shape) -> Tensor:
        outside_HW = torch.ones(shape, dtype=torch.bool, device=device)
        outside_HW[: picture[0], : picture[1]] = False
        return outside_HW.flatten()

    return _for_all_maps(outside, cells_BL, shapes)


@cached(32)
def _centres(cells_BL: Cells, shapes: tuple[Shape, ...], device: torch.device) -> Tensor:
    def centres(picture: Shape, shape: Shape) -> Tensor:
        y_H, x_W = (
            (torch.arange(whole, device=device, dtype=torch.float32) + 0.5) / part
            for whole, part in zip(shape, picture, strict=True)
        )
        y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
        return torch.stack([x_HW, y_HW], -1).flatten(0, 1)

    return _for_all_maps(centres, cells_BL, shapes)


def _for_all_maps(compute: Callable[[Shape, Shape], Tensor], cells_BL: Cells, shapes: tuple[Shape, ...]) -> Tensor:
    """(B, S, ...): `compute` for each map, called with the cells that show the picture and the map's shape."""
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        return torch.stack(
            [torch.cat([compute(*both) for both in zip(cells_L, shapes, strict=True)]) for cells_L in cells_BL]
        )
