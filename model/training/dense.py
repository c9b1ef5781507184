"""Dense auxiliary loss, in training only: every cell in the middle of an object is classified as that object.

The decoder learns from a few queries a picture, one per object; classifying all cells of an object teaches its look
faster. A separate projection keeps this from affecting query selection, which must stay sparse. It is dropped from the
weights.

Letters: B picture, S flattened pixels, T token, C channel, G true boxes, X chosen places.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from ..dino.grounding_dino import Output
from ..dino.heads import ClassHead
from ..dino.query_selection import grid_boxes
from .matching import Truth

_MIDDLE = 0.3  # of a side, from the centre: cells nearer to the edge may show something else


class DensePlaces(nn.Module):
    """Scores the cells in the middle of each true box against every token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(config.width, config.width), nn.LayerNorm(config.width))
        self.classify = ClassHead(config)

    def forward(self, output: Output, truths: Sequence[Truth]) -> Tensor:
        """The mean over cells of the summed cross entropy against the words of their object."""
        no_word_BT = output.enhanced.no_word_BT
        places_S4 = grid_boxes(output.enhanced.shapes, no_word_BT.device)[0]
        losses: list[Tensor] = []
        for picture, truth in enumerate(truths):
            rows_X, owners_X = _middles(places_S4, truth.boxes_G4)
            features_1XC = self.project(output.enhanced.memory_BSC[picture, rows_X].float())[None]
            words = no_word_BT[picture : picture + 1]
            logits_XT = self.classify(features_1XC, output.enhanced.text_BTC[picture : picture + 1], words)[0]
            counts_T = ~words[0]
            wanted_XT = truth.answers_GT[owners_X].to(logits_XT.dtype)
            loss = F.binary_cross_entropy_with_logits(logits_XT[:, counts_T], wanted_XT[:, counts_T], reduction="none")
            losses.append(loss.sum(-1))
        each_X = torch.cat(losses)
        return each_X.sum() / max(len(each_X), 1)


def _middles(places_S4: Tensor, boxes_G4: Tensor) -> tuple[Tensor, Tensor]:
    """Cells in the middle of a box, and that box; of two boxes the smaller, which is more often in front."""
    if len(boxes_G4) == 0:
        none = torch.zeros(0, dtype=torch.long, device=places_S4.device)
        return none, none
    apart_SG2 = (places_S4[:, None, :2] - boxes_G4[None, :, :2]).abs()
    inside_SG = (apart_SG2 < _MIDDLE * boxes_G4[None, :, 2:]).all(-1)
    area_G = boxes_G4[:, 2:].prod(-1)
    owner_S = torch.where(inside_SG, area_G[None], torch.inf).argmin(1)
    rows_X = inside_SG.any(1).nonzero()[:, 0]
    return rows_X, owner_S[rows_X]
