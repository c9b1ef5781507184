"""Calibration error: why a calibration is refused, as one word and as a sentence."""

from __future__ import annotations

from typing import Literal

Refusal = Literal[
    "few_views",
    "few_corners",
    "mirrored",
    "degenerate",
    "pose_order",
    "inverted_poses",
    "units",
    "disagreement",
    "contradiction",
    "board_size",
    "uncertain",
    "coverage",
    "not_flat",
    "sizes",
]


class CalibrationError(ValueError):
    """Measurements that determine no calibration that a robot could rely on.

    Args:
        reason: one word.
        text: what is wrong, where, and what to do.
    """

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason: Refusal = reason
