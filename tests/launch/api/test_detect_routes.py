"""/v1/detect and /v1/models: every form of a request gets the detector's own answer."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections
from groundcast.model.detector import Detector

from .conftest import PROMPT
from .running_api import as_base64, png, running_api


def boxes_of(answer: httpx.Response) -> NDArray[np.float64]:
    assert answer.status_code == 200, answer.text
    rows = answer.json()["pictures"][0]["detections"]
    return np.array([row["box_xyxy"] for row in rows]).reshape(-1, 4)


def test_json_multipart_and_raw_bytes_get_the_same_answer(
    api: httpx.Client, frames: list[NDArray[np.uint8]], alone: Detections
) -> None:
    picture = png(frames[0])
    answers = [
        api.post("/v1/detect", json={"picture": as_base64(picture), "prompt": PROMPT}),
        api.post("/v1/detect", files={"picture": ("a.png", picture)}, data={"prompt": PROMPT}),
        api.post("/v1/detect", params={"prompt": PROMPT}, content=picture, headers={"content-type": "image/png"}),
    ]
    for answer in answers:
        assert np.array_equal(boxes_of(answer), alone.boxes_xyxy.astype(float))
        rows = answer.json()["pictures"][0]["detections"]
        assert [row["phrase"] for row in rows] == [alone.name(row) for row in range(len(alone))]
        assert [row["score"] for row in rows] == [float(score) for score in alone.scores]


def test_a_prompt_may_be_a_list_with_wordings_and_thresholds(
    api: httpx.Client, frames: list[NDArray[np.uint8]], detector: Detector
) -> None:
    prompt = [{"name": "cup", "ask": ["mug"], "threshold": 0.2}, "bottle", {"name": "ball", "negative": True}]
    answer = api.post("/v1/detect", json={"picture": as_base64(png(frames[0])), "prompt": prompt}).json()
    assert answer["prompt"]["phrases"] == ["cup", "bottle"]
    assert "cup" in {row["phrase"] for row in answer["pictures"][0]["detections"]}


def test_inference_settings_are_read_from_yaml(api: httpx.Client, frames: list[NDArray[np.uint8]]) -> None:
    settings = "prompt: red mug\nthreshold: 0.5\nboxes: normalised\n"
    files = {"picture": png(frames[0]), "inference_settings": settings.encode()}
    answer = api.post("/v1/detect", files=files)
    assert answer.json()["boxes"] == "normalised"
    assert (boxes_of(answer) <= 1.0).all()


def test_a_sentence_gets_one_box(api: httpx.Client, frames: list[NDArray[np.uint8]], detector: Detector) -> None:
    answer = api.post("/v1/detect", json={"picture": as_base64(png(frames[0])), "refer": "red mug"})
    assert np.array_equal(boxes_of(answer), detector.refer(frames[0], "red mug").boxes_xyxy.astype(float))


def test_text_threshold_labels_by_tokens(api: httpx.Client, frames: list[NDArray[np.uint8]]) -> None:
    asked = {"picture": as_base64(png(frames[0])), "prompt": PROMPT, "threshold": 0.3, "text_threshold": 0.25}
    assert len(boxes_of(api.post("/v1/detect", json=asked))) > 0


def test_a_picture_that_cannot_be_read_has_an_error_beside_the_others(
    api: httpx.Client, frames: list[NDArray[np.uint8]]
) -> None:
    pictures = [{"name": "good", "base64": as_base64(png(frames[0]))}, {"name": "bad", "base64": as_base64(b"no")}]
    good, bad = api.post("/v1/detect", json={"pictures": pictures, "prompt": PROMPT}).json()["pictures"]
    assert good["detections"]
    assert (bad["name"], bad["error"]["code"]) == ("bad", "bad_picture")


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({"prompt": PROMPT}, 422, "no picture"),
        ({"picture": "AAAA"}, 422, "prompt"),
        ({"picture": "AAAA", "prompt": PROMPT, "refer": "mug"}, 422, "either"),
        ({"picture": "AAAA", "prompt": PROMPT}, 422, "cannot be read"),
        ({"picture": "?", "prompt": PROMPT}, 422, "base64"),
        ({"picture": "AAAA", "prompt": PROMPT, "threshold": 2}, 422, "threshold"),
        ({"picture": "AAAA", "prompt": PROMPT, "treshold": 0.2}, 422, "'treshold' is not known"),
        ({"picture": "AAAA", "prompt": "zebra"}, 422, "was not taught"),
        ({"picture": "AAAA", "prompt": "mug", "model": "../../etc"}, 404, "no model"),
    ],
)
def test_a_wrong_request_gets_a_sentence(api: httpx.Client, body: dict[str, object], status: int, part: str) -> None:
    answer = api.post("/v1/detect", json=body)
    assert answer.status_code == status
    assert part in answer.json()["error"]["message"]


def test_other_bodies_get_a_sentence(api: httpx.Client) -> None:
    kinds = [
        ("text/plain", b"x", 415),
        ("application/json", b"{", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b"[]", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 422),
        ("multipart/form-data", b"", 400),
    ]
    for kind, body, status in kinds:
        answer = api.post("/v1/detect", content=body, headers={"content-type": kind})
        assert answer.status_code == status, (kind, answer.text)
        assert answer.json()["error"]["message"]


def test_models_are_loaded_when_asked_for_and_leave_for_others(frames: list[NDArray[np.uint8]]) -> None:
    asked = {"picture": as_base64(png(frames[0])), "prompt": "mug"}
    with running_api(("one", "two"), max_bytes=1) as api:
        assert [model["loaded"] for model in api.get("/v1/models").json()["models"]] == [True, False]
        assert api.post("/v1/detect", json={**asked, "model": "two"}).status_code == 200
        assert [model["loaded"] for model in api.get("/v1/models").json()["models"]] == [False, True]
        assert api.post("/v1/models/unload", json={"name": "two"}).json() == {"name": "two", "loaded": False}
        assert api.get("/readyz").status_code == 503
        assert api.post("/v1/models/load", json={"name": "one"}).json()["loaded"]
        assert api.post("/v1/models/load", json={"name": "three"}).status_code == 404


def test_metrics_count_by_route(api: httpx.Client) -> None:
    api.get("/v1/models")
    page = api.get("/metrics").text
    assert 'groundcast_http_requests_total{route="/v1/models",status="200"}' in page


def test_the_description_is_valid_json_and_names_every_field(api: httpx.Client) -> None:
    described = api.get("/openapi.json").json()
    assert "threshold" in described["components"]["schemas"]["DetectJson"]["properties"]
    assert "<script" not in api.get("/docs").text
    assert json.dumps(described)


def test_a_token_is_wanted_where_there_is_one(frames: list[NDArray[np.uint8]]) -> None:
    asked = {"picture": as_base64(png(frames[0])), "prompt": "mug"}
    with running_api(token="t" * 32) as api:
        assert api.post("/v1/detect", json=asked).status_code == 401
        assert api.get("/healthz").status_code == 200
        allowed = api.post("/v1/detect", json=asked, headers={"authorization": f"Bearer {'t' * 32}"})
        assert allowed.status_code == 200
