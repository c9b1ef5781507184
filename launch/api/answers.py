"""Answers: the detections of a picture as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...model.detections import Detections
from .api_error import ApiError


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """What was found in one picture, or why it could not be read.

    Args:
        name: the caller's name of the picture.
        width, height: px, upright; 0 where it could not be read.
        detections: best first; None where it could not be read.
        error: why not.
    """

    name: str
    width: int = 0
    height: int = 0
    detections: Detections | None = None
    error: ApiError | None = None


def picture_json(answer: PictureAnswer, boxes: Literal["pixels", "normalised"]) -> dict[str, Any]:
    """One picture's entry in an answer."""
    if answer.error is not None or answer.detections is None:
        return {"name": answer.name, "error": error_json(answer.error)}
    rows = detection_rows(answer, boxes)
    return {"name": answer.name, "width": answer.width, "height": answer.height, "detections": rows}


def detection_rows(answer: PictureAnswer, boxes: Literal["pixels", "normalised"]) -> list[dict[str, Any]]:
    """The detections of one picture: phrase, score and box each."""
    found = answer.detections
    if found is None:
        return []
    scale = (1.0, 1.0) if boxes == "pixels" else (1.0 / answer.width, 1.0 / answer.height)
    return [
        {
            "phrase": found.name(row),
            "score": float(found.scores[row]),
            "box_xyxy": [float(value) * scale[place % 2] for place, value in enumerate(found.boxes_xyxy[row])],
        }
        for row in range(len(found))
    ]


def error_json(error: ApiError | None) -> dict[str, str]:
    """An error as every answer states it."""
    return {"code": error.code, "message": error.message} if error else {"code": "failed", "message": "no answer"}
