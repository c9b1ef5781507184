"""Detection rows: the detections of one picture as the JSON that `groundcast detect` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.detections import Detections


def detection_rows(found: Detections) -> list[dict[str, Any]]:
    """One object for each detection, best first: label, score in 0..1, box in px of the original picture."""
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).round(2).tolist()
    scores: list[float] = found.scores.astype(float).round(4).tolist()
    return [detection_row(found.name(row), scores[row], box) for row, box in enumerate(boxes)]


def detection_row(label: str, score: float, box_xyxy: Sequence[float]) -> dict[str, Any]:
    """One detection, whose numbers are rounded already."""
    return {"label": label, "confidence": score, "bbox": dict(zip(("x1", "y1", "x2", "y2"), box_xyxy, strict=True))}
