# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
"""Places that stand out on a map, and what they and their neighbours propose together.

Letters: B picture, S flattened pixels, Q query, T token.
Source: CenterNet (https://arxiv.org/abs/1904.07850), section 4, finds its centres by their eight neighbours; that two
things side by side are told apart by their words, and that boxes are blended, is ours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..cuda.kept import kept

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
    B, S, T = logits_BST.shape
    words_BS1 = logits_BST.argmax(-1, keepdim=True)
    theirs_BS8 = logits_BST.flatten(1).gather(1, (around_S8 * T + words_BS1).flatten(1)).view(B, S, 8)
    outdone_BS8 = (scores_BS[:, around_S8] > scores_BS[..., None]) & (theirs_BS8 > scores_BS[..., None] - _MUCH)
    return scores_BS.masked_fill(outdone_BS8.any(-1), float("-inf"))


def shares(places_BQ: Tensor, scores_BS: Tensor, logits_BST: Tensor, around_S8: Tensor) -> tuple[Tensor, Tensor]:
    """Whose boxes are blended for each place, (B, Q, 9), itself first, and how much each counts, adding up to 1.

    Where rounding decides which of two neighbours is the peak, both are asked, and the box is the same.
    Arguments as in `peaks_only`; a neighbour counts by how well it answers the place's best word.
    """
    B, Q = places_BQ.shape
    T = logits_BST.shape[2]
    around_BQ8 = around_S8[places_BQ]
    asked_BQ9 = torch.cat([places_BQ[..., None], around_BQ8], -1)
    words_BQ1 = logits_BST.gather(1, places_BQ[..., None].expand(-1, -1, T)).argmax(-1, keepdim=True)
    theirs_BQ9 = logits_BST.flatten(1).gather(1, (asked_BQ9 * T + words_BQ1).flatten(1)).view(B, Q, 9)
    usable_BQ9 = scores_BS.gather(1, asked_BQ9.flatten(1)).view(B, Q, 9).isfinite()
    usable_BQ9 = usable_BQ9 & torch.cat([usable_BQ9[..., :1], around_BQ8 != places_BQ[..., None]], -1)
    usable_BQ9 = usable_BQ9 | (torch.arange(9, device=places_BQ.device) == 0)  # a place that was imposed counts itself
    return asked_BQ9, theirs_BQ9.masked_fill(~usable_BQ9, float("-inf")).mul(_SHARPNESS).softmax(-1)


@kept(16)
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
