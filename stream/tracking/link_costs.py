"""Link costs: how badly each detection continues each track, and which may not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .grown_iou import grown_iou

_MIN_SIDE_PX = 1.0


@dataclass(frozen=True, slots=True)
class LinkGates:
    """What the costs go by.

    Args:
        size_weight: the cost of a side that is e times as long or as short.
        max_margin: boxes are grown by this share of their size at most.
        max_sigma: a centre further from the prediction, in standard deviations, never matches.
        centre: a detection's centre is off by this share of its size.
    """

    size_weight: float = 0.2
    max_margin: float = 0.5
    max_sigma: float = 4.0
    centre: float = 0.07


GATES = LinkGates()


def link_costs(
    detected: NDArray[np.float64],
    predicted: NDArray[np.float64],
    errors_px: NDArray[np.float64],
    min_iou: float,
    gates: LinkGates,
) -> NDArray[np.float64]:
    """1 - IoU of boxes grown by the uncertainty of the track, and more for another size.

    A box smaller or larger than expected may be hidden in part, so that its centre may be off by half the difference.

    Args:
        detected, predicted: (count, 2, 2) px: cx, cy and w, h.
        errors_px: standard deviation of each predicted centre.
        min_iou: of grown boxes, to match at all.
        gates: what the costs go by.

    Returns:
        (detected, predicted), infinite where they may not match.
    """
    predicted_sides = np.maximum(predicted[:, 1], _MIN_SIDE_PX)
    scale = np.sqrt(predicted_sides.prod(axis=1))
    overlap = grown_iou(detected, predicted, np.minimum(errors_px, gates.max_margin * scale))
    other_size = np.abs(np.log(detected[:, None, 1] / predicted_sides[None])).max(axis=2)
    hidden = np.abs(detected[:, None, 1] - predicted_sides[None]).max(axis=2) / 2
    apart = np.abs(detected[:, None, 0] - predicted[None, :, 0]).max(axis=2)
    sigma = np.sqrt(errors_px[None] ** 2 + (gates.centre * scale[None]) ** 2 + hidden**2)
    impossible = (overlap < min_iou) | (apart > gates.max_sigma * sigma)
    return np.where(impossible, np.inf, 1.0 - overlap + gates.size_weight * other_size)
