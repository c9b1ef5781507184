"""Query selection: the places of the picture with the highest logits become the decoder's queries.

Letters: B picture, S flattened pixels, C channel, Q query, T token.
Source: Grounding DINO (https://arxiv.org/abs/2303.05499), section 3.3; two-stage Deformable DETR for the proposals.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...cuda.size_cache import cached
from ..config import ModelConfig
from .heads import BoxHead, ClassHead
from .layers import inverse_sigmoid
from .peaks import blend_weights, neighbours, peaks_only
from .picture_area import PictureArea


@dataclass(frozen=True, slots=True)
class Selected:
    """The queries' initial content and boxes, and the proposals' own logits (trained too).

    Args:
        places_BQ: the selected pixels of the flattened maps, the best first.
        content_BQC: the picture's features at these places.
        boxes_BQ4: proposals, cx cy w h in 0..1 of the network's input (the full body's: of the picture), fp32.
        logits_BQT: the proposals' logits, fp32.
    """

    places_BQ: Tensor
    content_BQC: Tensor
    boxes_BQ4: Tensor
    logits_BQT: Tensor


class QuerySelection(nn.Module):
    """Scores every place against every token, keeps the best, and refines their boxes."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.queries = config.queries
        self.peaks = config.proposals == "peaks"
        self.output = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.classify = ClassHead(config)
        self.box = BoxHead(config.width)

    def forward(
        self,
        memory_BSC: Tensor,
        shapes: Sequence[tuple[int, int]],
        text_BTC: Tensor,
        no_word_BT: Tensor,
        valid_B2: Tensor | None = None,
        area: PictureArea | None = None,
        places_BQ: Tensor | None = None,
    ) -> Selected:
        """The best places and their proposed boxes.

        Args:
            valid_B2: the width and height of the picture within the padded input, in 0..1.
            area: the same by cells; if given, boxes are in 0..1 of the picture instead of the input.
            places_BQ: selected instead of the best.
        """
        if area is None:
            start_BS4, usable_BS = grid_proposals(shapes, memory_BSC.device, valid_B2)
        else:
            start_BS4, usable_BS = picture_proposals(area)
        memory_BSC = memory_BSC * usable_BS[..., None].to(memory_BSC.dtype)
        memory_BSC = self.norm(self.output(memory_BSC))
        logits_BST = self.classify(memory_BSC, text_BTC, no_word_BT)
        best_BS = logits_BST.max(-1).values
        if area is None:  # the full body may select unusable places, as the original
            best_BS = best_BS.masked_fill(~usable_BS, float("-inf"))
        around_S8 = neighbours(tuple(shapes), memory_BSC.device) if self.peaks else None
        if places_BQ is None:
            candidates_BS = best_BS if around_S8 is None else peaks_only(best_BS, logits_BST, around_S8)
            places_BQ = best_rows(candidates_BS, self.queries)
        if around_S8 is None:
            boxes_BQ4 = self._boxes(memory_BSC, start_BS4, places_BQ)
        else:
            usable_BS = usable_BS.expand(memory_BSC.shape[0], -1)
            blended_BQ9, weights_BQ9 = blend_weights(places_BQ, usable_BS, logits_BST.detach(), around_S8)
            boxes_BX4 = self._boxes(memory_BSC, start_BS4, blended_BQ9.flatten(1))
            boxes_BQ4 = (boxes_BX4.view(*blended_BQ9.shape, 4) * weights_BQ9[..., None]).sum(2)
        return Selected(places_BQ, _rows(memory_BSC, places_BQ), boxes_BQ4, _rows(logits_BST, places_BQ))

    def _boxes(self, memory_BSC: Tensor, start_BS4: Tensor, places_BQ: Tensor) -> Tensor:
        """The proposed boxes of places, (B, Q, 4)."""
        start_BQ4 = _rows(start_BS4.expand(places_BQ.shape[0], -1, -1), places_BQ)
        return (self.box(_rows(memory_BSC, places_BQ)) + start_BQ4).sigmoid()


def best_rows(scores_BS: Tensor, count: int) -> Tensor:
    """(B, Q): the at most `count` places with the highest scores, the best first."""
    return scores_BS.topk(min(count, scores_BS.shape[1]), dim=1).indices


def grid_proposals(
    shapes: Sequence[tuple[int, int]], device: torch.device, valid_B2: Tensor | None
) -> tuple[Tensor, Tensor]:
    """A box around each pixel of each map as logits, (1, S, 4), and whether it may be used, (B or 1, S)."""
    boxes_1S4 = grid_boxes(tuple(shapes), device)
    usable_BS = _within(boxes_1S4)
    if valid_B2 is not None:
        usable_BS = usable_BS & (boxes_1S4[..., :2] < valid_B2[:, None]).all(-1)
    return inverse_sigmoid(boxes_1S4), usable_BS


@cached(16)
def picture_proposals(area: PictureArea) -> tuple[Tensor, Tensor]:
    """A box around each cell as logits, (B, S, 4), infinite where it may not be used, and whether it may, (B, S).

    As `grid_proposals`, but in 0..1 of each picture; cached per size.
    """
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        centres_BS2 = area.centres
        sides = [0.05 * 2.0**level for level, (height, width) in enumerate(area.shapes) for _ in range(height * width)]
        sides_S1 = torch.tensor(sides, device=area.device)[:, None]
        boxes_BS4 = torch.cat([centres_BS2, sides_S1.expand(len(centres_BS2), -1, 2)], -1)
        usable_BS = _within(boxes_BS4)
        if area.padding is not None:
            usable_BS = usable_BS & ~area.padding
        logits_BS4 = torch.log(boxes_BS4 / (1.0 - boxes_BS4))
        return logits_BS4.masked_fill(~usable_BS[..., None], float("inf")), usable_BS


@cached(16)
def grid_boxes(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """(1, S, 4): cx cy w h of a box around each pixel of each map, in 0..1 of the input; cached per size.

    The sides are 0.05 of the input on the finest level and double from level to level.
    """
    rows: list[Tensor] = []
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        for level, (height, width) in enumerate(shapes):
            y_H = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
            x_W = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
            y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
            side_HW = torch.full_like(x_HW, 0.05 * 2.0**level)
            rows.append(torch.stack([x_HW, y_HW, side_HW, side_HW], -1).flatten(0, 1))
        return torch.cat(rows)[None]


def _within(boxes_BS4: Tensor) -> Tensor:
    """Whether a proposal is neither at the very edge nor nearly as large as the picture."""
    return ((boxes_BS4 > 0.01) & (boxes_BS4 < 0.99)).all(-1)


def _rows(values_BSX: Tensor, rows_BQ: Tensor) -> Tensor:
    return values_BSX.gather(1, rows_BQ[..., None].expand(-1, -1, values_BSX.shape[-1]))
