"""Places that stand out on a map, and what they and their neighbours propose together.

Letters: B picture, S flattened pixels, Q query, T token; X is S or Q.
Source: CenterNet (https://arxiv.org/abs/1904.07850), section 4, finds its centres by their eight neighbours; that two
things side by side are told apart by their words, and that boxes are blended, is ours.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...cuda.size_cache import cached

_MUCH = 1.0  # a logit
_SHARPNESS = 2.0  # of the weights: a neighbour whose logit is 1 less counts a seventh


def peaks_only(scores_BS: Tensor, logits_BST: Tensor, around_S8: Tensor) -> Tensor:
    """The scores, -inf for places that a neighbour makes superfluous.

    Such a neighbour scores higher, and answers the place's own best word as well, or not much worse. What scores higher
    for another word alone is another thing.

    Args:
        scores_BS: a place's best logit; -inf where it may not be used.
        logits_BST: of each word.
        around_S8: see `neighbours`.
    """
    words_BS1 = logits_BST.argmax(-1, keepdim=True)
    theirs_BS8 = _answers(logits_BST, around_S8.expand(logits_BST.shape[0], -1, -1), words_BS1)
    outdone_BS8 = (scores_BS[:, around_S8] > scores_BS[..., None]) & (theirs_BS8 > scores_BS[..., None] - _MUCH)
    return scores_BS.masked_fill(outdone_BS8.any(-1), float("-inf"))


def shares(places_BQ: Tensor, usable_BS: Tensor, logits_BST: Tensor, around_S8: Tensor) -> tuple[Tensor, Tensor]:
    """Whose boxes are blended for each place, (B, Q, 9), itself first, and how much each counts, adding up to 1.

    Where rounding decides which of two neighbours is the peak, both are asked, and the box is the same. A neighbour
    counts by how well it answers the place's best word, and one that may not be used not at all.
    """
    around_BQ8 = around_S8[places_BQ]
    own_BQT = logits_BST.gather(1, places_BQ[..., None].expand(-1, -1, logits_BST.shape[2]))
    best_BQ1, words_BQ1 = own_BQT.max(-1, keepdim=True)
    counts_BQ8 = usable_BS.gather(1, around_BQ8.flatten(1)).view(around_BQ8.shape)
    counts_BQ8 = counts_BQ8 & (around_BQ8 != places_BQ[..., None])  # at an edge
    theirs_BQ8 = _answers(logits_BST, around_BQ8, words_BQ1).masked_fill(~counts_BQ8, float("-inf"))
    weights_BQ9 = torch.cat([best_BQ1, theirs_BQ8], -1).mul(_SHARPNESS).softmax(-1)
    return torch.cat([places_BQ[..., None], around_BQ8], -1), weights_BQ9


def _answers(logits_BST: Tensor, places_BX8: Tensor, words_BX1: Tensor) -> Tensor:
    """What each of eight places answers to a word."""
    at_BX8 = places_BX8 * logits_BST.shape[2] + words_BX1
    return logits_BST.flatten(1).gather(1, at_BX8.flatten(1)).view(at_BX8.shape)


@cached(16)
def neighbours(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """(S, 8): the places around each on its own map; at an edge, itself for those that are not there. Kept per size."""
    maps: list[Tensor] = []
    begin = 0
    with torch.inference_mode(mode=False):  # what is kept may be used in training later
        for height, width in shapes:
            own_HW = torch.arange(begin, begin + height * width).view(height, width)
            windows_HW33 = F.pad(own_HW, (1, 1, 1, 1), value=-1).unfold(0, 3, 1).unfold(1, 3, 1)
            windows_S9 = windows_HW33.reshape(-1, 9)
            around_S8 = torch.cat([windows_S9[:, :4], windows_S9[:, 5:]], 1)
            maps.append(torch.where(around_S8 < 0, own_HW.view(-1, 1), around_S8))
            begin += height * width
        return torch.cat(maps).to(device)
