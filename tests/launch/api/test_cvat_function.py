"""CVAT: its own client code takes the function's labels and shapes, which come from a running server."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.api.cvat_function import create
from groundcast.model.detections import Detections

cvataa = pytest.importorskip("cvat_sdk.auto_annotation", reason="cvat-sdk is not installed")


@dataclass
class _Context(cvataa.DetectionFunctionContext):
    frame_name: str = "a.png"
    conf_threshold: float | None = None
    conv_mask_to_poly: bool = False


def test_a_frame_gets_rectangles_of_the_tasks_labels(
    api: httpx.Client, frames: list[NDArray[np.uint8]], alone: Detections
) -> None:
    function = create(url=str(api.base_url), classes="cup = red mug; bottle")
    assert [(label.name, label.id) for label in function.spec.labels] == [("cup", 0), ("bottle", 1)]
    shapes = function.detect(_Context(), Image.fromarray(frames[0]))
    assert [shape.points for shape in shapes] == [pytest.approx([float(v) for v in box]) for box in alone.boxes_xyxy]
    assert {shape.label_id for shape in shapes} <= {0, 1}
    assert all(shape.type.value == "rectangle" for shape in shapes)
    assert function.detect(_Context(conf_threshold=1.0), Image.fromarray(frames[0])) == []


def test_a_server_that_refuses_is_told_in_its_own_words(api: httpx.Client, frames: list[NDArray[np.uint8]]) -> None:
    function = create(url=str(api.base_url), classes="zebra")
    with pytest.raises(RuntimeError, match="was not taught"):
        function.detect(_Context(), Image.fromarray(frames[0]))


def test_classes_must_name_a_label() -> None:
    with pytest.raises(ValueError, match="names no label"):
        create(classes=" ; ")
