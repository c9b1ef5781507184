"""Label Studio: the four requests that it sends, as https://labelstud.io/guide/ml_create describes them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.launch.api.api_error import ApiError
from groundcast.launch.api.label_config import read_label_config
from groundcast.launch.api.label_studio import LabelStudio
from groundcast.launch.api.picture_fetch import PictureFetch
from groundcast.model.detections import Detections

from .running_api import as_base64, png, running_api

CONFIG = """<View>
  <Image name="img" value="$image"/>
  <TextArea name="prompt" toName="img"/>
  <RectangleLabels name="box" toName="img">
    <Label value="Cup" predicted_values="red mug, mug"/>
    <Label value="Flask" predicted_values="bottle"/>
  </RectangleLabels>
</View>"""


def predict(picture: str, **fields: object) -> dict[str, object]:
    tasks = [{"id": 1, "data": {"image": picture}}]
    return {"tasks": tasks, "label_config": CONFIG, "project": "4.1790", "params": {}, **fields}


@contextmanager
def picture_server(picture: bytes, token: str) -> Generator[str]:
    """A server that gives one picture to those with the token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers.get("Authorization") == f"Token {token}"
            self.send_response(200 if is_known else 401)
            self.end_headers()
            self.wfile.write(picture if is_known else b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_boxes_come_in_percent_under_the_projects_labels(
    api: httpx.Client, frames: list[NDArray[np.uint8]], alone: Detections
) -> None:
    answer = api.post("/predict", json=predict(f"data:image/png;base64,{as_base64(png(frames[0]))}")).json()
    boxes = answer["results"][0]["result"]
    assert {one["value"]["rectanglelabels"][0] for one in boxes} <= {"Cup", "Flask"}
    cups = [one for one in boxes if one["value"]["rectanglelabels"] == ["Cup"]]
    assert cups
    height, width = frames[0].shape[:2]
    left, top, right, bottom = (float(value) for value in alone.boxes_xyxy[0])
    percent = [100 * left / width, 100 * top / height, 100 * (right - left) / width, 100 * (bottom - top) / height]
    found = [[one["value"][key] for key in ("x", "y", "width", "height")] for one in boxes]
    assert any(one == pytest.approx(percent, abs=0.5) for one in found)
    assert (boxes[0]["from_name"], boxes[0]["to_name"], boxes[0]["type"]) == ("box", "img", "rectanglelabels")
    assert (boxes[0]["original_width"], boxes[0]["original_height"]) == (width, height)


def test_health_setup_and_a_config_that_cannot_be_used(api: httpx.Client) -> None:
    assert api.get("/health").json()["status"] == "UP"
    assert "model_version" in api.post("/setup", json={"project": "4", "schema": CONFIG}).json()
    for schema, part in [
        ("<View/>", "RectangleLabels"),
        ("<View>", "no XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><View/>', "document type"),
    ]:
        refused = api.post("/setup", json={"schema": schema})
        assert refused.status_code == 422
        assert part in refused.json()["error"]["message"]


def test_a_written_prompt_is_kept_for_its_project_alone(frames: list[NDArray[np.uint8]]) -> None:
    picture = f"data:image/png;base64,{as_base64(png(frames[0]))}"
    written = {"type": "textarea", "from_name": "prompt", "to_name": "img", "value": {"text": ["bottle"]}}
    studio = LabelStudio(PictureFetch())
    with running_api(studio=studio) as api:
        first = api.post("/predict", json=predict(picture, params={"context": {"result": [written]}})).json()
        later = api.post("/predict", json=predict(picture)).json()
        other = api.post("/predict", json=predict(picture, project="5.1")).json()
    labels = [{one["value"]["rectanglelabels"][0] for one in a["results"][0]["result"]} for a in (first, later, other)]
    assert labels[0] == labels[1] == {"Flask"}
    assert "Cup" in labels[2]


def test_a_webhook_keeps_the_prompt_of_a_saved_annotation(api: httpx.Client) -> None:
    written = {"type": "textarea", "from_name": "prompt", "value": {"text": ["mug"]}}
    body = {"action": "ANNOTATION_CREATED", "project": {"id": 9}, "annotation": {"result": [written]}}
    assert api.post("/webhook", json=body).status_code == 201


def test_pictures_are_fetched_from_the_named_server_alone(frames: list[NDArray[np.uint8]]) -> None:
    with picture_server(png(frames[0]), "secret") as url:
        studio = LabelStudio(PictureFetch(frozenset({url}), {url: "Token secret"}), url)
        with running_api(studio=studio) as api:
            for path in ("/data/upload/4/a.png", "/data/local-files/?d=Bilder/Schlüssel ä.png"):
                assert api.post("/predict", json=predict(path)).json()["results"][0]["result"], path
            for other in ("http://169.254.169.254/latest", "file:///etc/passwd", f"{url}.example/a", "http://[x"):
                refused = api.post("/predict", json=predict(other))
                assert refused.status_code in (403, 422), other


def test_a_label_is_found_whatever_its_case() -> None:
    config = read_label_config(CONFIG)
    assert [config.label_of(text) for text in ("Cup", "RED MUG", "bottle", "zebra")] == ["Cup", "Cup", "Flask", None]


def test_a_redirect_is_not_followed() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with pytest.raises(ApiError, match="answers 302"):
        PictureFetch(frozenset({url})).fetch(f"{url}/a.png")
    thread.join()
    server.server_close()
