"""Requests as roboflow/inference's client sends them to /grounding_dino/infer."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections

from .running_api import as_base64, png


def body(image: NDArray[np.uint8]) -> dict[str, object]:
    return {
        "api_key": "none",
        "image": {"type": "base64", "value": as_base64(png(image))},
        "text": ["red mug", "bottle"],
        "box_threshold": 0.3,
        "text_threshold": 0.5,
    }


def test_boxes_are_answered_by_their_centre(
    api: httpx.Client, frames: list[NDArray[np.uint8]], alone: Detections
) -> None:
    answer = api.post("/grounding_dino/infer", json=body(frames[0])).json()
    assert answer["image"] == {"width": frames[0].shape[1], "height": frames[0].shape[0]}
    assert [one["class"] for one in answer["predictions"]] == [alone.name(row) for row in range(len(alone))]
    first = answer["predictions"][0]
    left, top, right, bottom = (float(value) for value in alone.boxes_xyxy[0])
    expected = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    assert [first[key] for key in ("x", "y", "width", "height")] == pytest.approx(expected)


def test_a_url_is_not_fetched(api: httpx.Client, frames: list[NDArray[np.uint8]]) -> None:
    image = {"type": "url", "value": "http://127.0.0.1:1/a.jpg"}
    answer = api.post("/grounding_dino/infer", json={**body(frames[0]), "image": image})
    assert answer.status_code == 422
    assert "'url' is not taken" in answer.json()["error"]["message"]
