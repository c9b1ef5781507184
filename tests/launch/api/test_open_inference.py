"""Open Inference Protocol v2: pixels or a picture file in, tensors out."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections

from .conftest import PROMPT
from .running_api import as_base64, png

WHERE = "/v2/models/tabletop/infer"


def asked(image: Mapping[str, object]) -> dict[str, object]:
    prompt = {"name": "prompt", "datatype": "BYTES", "shape": [1], "data": [PROMPT]}
    return {"id": "7", "inputs": [{"name": "image", **image}, prompt]}


def test_pixels_and_a_file_get_the_detectors_answer(
    api: httpx.Client, frames: list[NDArray[np.uint8]], alone: Detections
) -> None:
    image = frames[0]
    pixels = {"datatype": "UINT8", "shape": list(image.shape), "data": image.ravel().tolist()}
    file = {"datatype": "BYTES", "shape": [1], "data": [as_base64(png(image))]}
    for kind in (pixels, file):
        answer = api.post(WHERE, json=asked(kind)).json()
        boxes, scores, labels = answer["outputs"]
        assert (answer["id"], answer["model_name"]) == ("7", "tabletop")
        assert np.array_equal(np.reshape(boxes["data"], boxes["shape"]), alone.boxes_xyxy.astype(float))
        assert scores["data"] == [float(score) for score in alone.scores]
        assert labels["data"] == [alone.name(row) for row in range(len(alone))]


def test_the_server_and_its_models_describe_themselves(api: httpx.Client) -> None:
    assert api.get("/v2").json()["name"] == "groundcast"
    assert api.get("/v2/health/live").json() == {"live": True}
    assert api.get("/v2/health/ready").json() == {"ready": True}
    assert api.get("/v2/models/tabletop").json()["inputs"][0]["name"] == "image"
    assert api.get("/v2/models/tabletop/ready").status_code == 200
    assert api.get("/v2/models/other").status_code == 404


@pytest.mark.parametrize(
    ("image", "part"),
    [
        ({"datatype": "UINT8", "shape": [2, 2, 3], "data": [1, 2]}, "other data than its shape"),
        ({"datatype": "UINT8", "shape": [2, 2], "data": [1, 2, 3, 4]}, "shape"),
        ({"datatype": "UINT8", "shape": [10**6, 10**6, 3], "data": []}, "px"),
        ({"datatype": "UINT8", "shape": [1, 1, 3], "data": [1, 2, 300]}, "no UINT8"),
        ({"datatype": "FP32", "shape": [1, 1, 3], "data": [1, 2, 3]}, "UINT8"),
        ({"datatype": "BYTES", "shape": [1], "data": []}, "no data"),
    ],
)
def test_a_wrong_tensor_gets_a_sentence(api: httpx.Client, image: dict[str, object], part: str) -> None:
    answer = api.post(WHERE, json=asked(image))
    assert answer.status_code == 422
    assert part in answer.json()["error"]["message"]
