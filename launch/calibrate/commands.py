"""The commands of `groundcast calibrate`, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .intrinsics import calibrate_intrinsics, make_board
from .placement import calibrate_hand_eye_command, calibrate_plane, check_calibration

COMMANDS: dict[str, Callable[..., Any]] = {
    "board": make_board,
    "intrinsics": calibrate_intrinsics,
    "hand-eye": calibrate_hand_eye_command,
    "plane": calibrate_plane,
    "check": check_calibration,
}
