"""Options of `groundcast demo arm`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ArmOptions:
    """How the demonstration runs.

    Args:
        trials: how many picks.
        seed: of the first cell.
        max_age_ms: the controller's gate.
        rate_hz: of the camera.
        speed: how fast simulated time passes, for a computer that is too slow for 1.
        faults: whether to break the camera, the clock and the node at the end.
        out: folder for arm.mp4 and arm.png.
    """

    trials: int
    seed: int
    max_age_ms: float
    rate_hz: float
    speed: float
    faults: bool
    out: Path
