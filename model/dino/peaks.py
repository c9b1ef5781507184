"""Peaks: places of a map that score higher than their neighbours, and proposals blended from each peak's neighbours.

Letters: B picture, S flattened pixels, Q query, T token; X is S or Q.
Source: CenterNet (https://arxiv.org/abs/1904.07850), section 4, compares a centre with its eight neighbours. Comparing
the scores of the place's own word, to separate adjacent objects, and blending boxes are ours.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...cuda.size_cache import cached

_MARGIN = 1.0  # a logit
_SHARPNESS = 2.0  # of the softmax: a neighbour whose logit is 1 lower weighs a seventh


def peaks_only(scores_BS: Tensor, logits_BST: Tensor, around_S8: Tensor) -> Tensor:
    """The scores, -inf for places that a neighbour suppresses.

    Such a neighbour scores higher, and its logit for the place's own best word is higher or at most `_MARGIN` lower. A
    neighbour that scores higher for another word alone is another object.

    Args:
        scores_BS: each place's best logit; -inf where it may not be used.
        logits_BST: each place's logits.
        around_S8: see `neighbours`.
    """
    words_BS1 = logits_BST.argmax(-1, keepdim=True)
    neighbour_logits_BS8 = _logits_at(logits_BST, around_S8.expand(logits_BST.shape[0], -1, -1), words_BS1)
    suppressed_BS8 = (scores_BS[:, around_S8] > scores_BS[..., None]) & (
        neighbour_logits_BS8 > scores_BS[..., None] - _MARGIN
    )
    return scores_BS.masked_fill(suppressed_BS8.any(-1), float("-inf"))


def blend_weights(places_BQ: Tensor, usable_BS: Tensor, logits_BST: Tensor, around_S8: Tensor) -> tuple[Tensor, Tensor]:
    """The places whose boxes are blended for each place, (B, Q, 9), itself first, and their weights, which sum to 1.

    Where rounding decides which of two neighbours is the peak, the blended box is nearly the same. A neighbour's weight
    grows with its logit for the place's best word; one that may not be used has weight 0.
    """
    around_BQ8 = around_S8[places_BQ]
    own_BQT = logits_BST.gather(1, places_BQ[..., None].expand(-1, -1, logits_BST.shape[2]))
    best_BQ1, words_BQ1 = own_BQT.max(-1, keepdim=True)
    counts_BQ8 = usable_BS.gather(1, around_BQ8.flatten(1)).view(around_BQ8.shape)
    counts_BQ8 = counts_BQ8 & (around_BQ8 != places_BQ[..., None])  # at the map's edge
    neighbour_logits_BQ8 = _logits_at(logits_BST, around_BQ8, words_BQ1).masked_fill(~counts_BQ8, float("-inf"))
    weights_BQ9 = torch.cat([best_BQ1, neighbour_logits_BQ8], -1).mul(_SHARPNESS).softmax(-1)
    return torch.cat([places_BQ[..., None], around_BQ8], -1), weights_BQ9


def _logits_at(logits_BST: Tensor, places_BX8: Tensor, words_BX1: Tensor) -> Tensor:
    """The logits of each of eight places for a word."""
    indices_BX8 = places_BX8 * logits_BST.shape[2] + words_BX1
    return logits_BST.flatten(1).gather(1, indices_BX8.flatten(1)).view(indices_BX8.shape)


@cached(16)
def neighbours(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """(S, 8): the neighbours of each place on its map; the place itself beyond the map's edge. Cached per size."""
    maps: list[Tensor] = []
    offset = 0
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        for height, width in shapes:
            indices_HW = torch.arange(offset, offset + height * width).view(height, width)
            windows_HW33 = F.pad(indices_HW, (1, 1, 1, 1), value=-1).unfold(0, 3, 1).unfold(1, 3, 1)
            windows_S9 = windows_HW33.reshape(-1, 9)
            around_S8 = torch.cat([windows_S9[:, :4], windows_S9[:, 5:]], 1)
            maps.append(torch.where(around_S8 < 0, indices_HW.view(-1, 1), around_S8))
            offset += height * width
        return torch.cat(maps).to(device)
