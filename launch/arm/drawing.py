"""Drawing of a trial: the cell from outside beside the wrist camera's picture, with what the controller does."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from .wrist_camera import Picture

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_trial(outside: Picture, wrist: Picture, phrase: str, command: dict[str, Any]) -> Picture:
    """Both pictures beside each other, with the phrase, the controller's phase and the age of the picture behind it."""
    canvas = np.ascontiguousarray(np.hstack([outside, wrist]))
    phase = str(command.get("phase", "waits"))
    lines = [f"pick the {phrase}", phase]
    if command:
        x, y, z = command["tip_m"]
        lines.append(f"go to {x:.3f} {y:.3f} {z:.3f} m, decided at an age of {command['age_ms']:.0f} ms")
    for row, line in enumerate(lines):
        at = (10, 26 + 24 * row)
        cv2.putText(canvas, line, at, _FONT, 0.6, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(canvas, line, at, _FONT, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(canvas, np.uint8)
