"""The server of the review page: the token, pictures of any kind, and answers in sentences."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from groundcast.launch.review.label_file import LabelFile
from groundcast.launch.review.review_app import review_app
from groundcast.launch.web.access import Access
from groundcast.stream.sockets.endpoint import parse_endpoint

from ..web.running_app import Answer, RunningApp, running_app
from .review_sets import HEIGHT, WIDTH, make_set, on_disk, states_on_disk

TOKEN = "a-token-of-more-than-16"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")


@pytest.fixture
def app(folder: Path) -> Iterator[RunningApp]:
    access = Access(parse_endpoint("tcp://127.0.0.1:0"), TOKEN, cookie="review")
    file = LabelFile(folder / "labels.json", folder / "images")
    with running_app(review_app(access, file), access) as running:
        yield running


def get(app: RunningApp, path: str) -> Answer:
    return app.ask("GET", path, authorization=f"Bearer {TOKEN}")


def post(app: RunningApp, path: str, body: bytes, **headers: str) -> Answer:
    return app.ask("POST", path, body, authorization=f"Bearer {TOKEN}", **headers)


def change(app: RunningApp, number: int = 1, **values: Any) -> Answer:
    version = json.loads(get(app, f"/api/pictures/{number}").body)["version"]
    request = {"tab": "a", "picture": number, "version": version, **values}
    return post(app, "/api/change/edit", json.dumps(request).encode())


def said(answer: Answer) -> str:
    return json.loads(answer.body)["error"]["message"]


def test_nothing_but_the_login_is_answered_without_the_token(app: RunningApp) -> None:
    for path in ("/api/set", "/api/pictures/1", "/api/pictures/1/image", "/static/review.js"):
        assert app.ask("GET", path).status == 401
    assert app.ask("POST", "/api/change/edit", b"{}").status == 401
    assert app.ask("GET", "/").headers["location"] == "/login"
    assert app.ask("POST", "/login", b"wrong").status == 401

    cookie = app.ask("POST", "/login", TOKEN.encode()).headers["set-cookie"].split(";")[0]

    assert cookie.startswith("review=")
    page = app.ask("GET", "/", cookie=cookie)
    assert (page.status, b"Review" in page.body) == (200, True)
    assert "script-src 'self'" in page.headers["content-security-policy"]


def test_a_page_of_another_site_changes_nothing(app: RunningApp, folder: Path) -> None:
    answer = post(app, "/api/change/edit", b"{}", origin="http://evil.example")

    assert answer.status == 403
    assert states_on_disk(folder) == ["new"] * 3


def test_a_change_is_answered_with_what_has_become(app: RunningApp, folder: Path) -> None:
    answer = json.loads(change(app, op="state", state="checked").body)

    assert [line["state"] for line in answer["lines"]] == ["checked"]
    assert states_on_disk(folder) == ["checked", "new", "new"]
    undone = post(app, "/api/change/undo", b'{"tab": "a"}')
    assert (undone.status, states_on_disk(folder)) == (200, ["new"] * 3)
    assert post(app, "/api/change/undo", b'{"tab": "a"}').status == 409
    assert post(app, "/api/change/redo", b'{"tab": "a"}').status == 200


@pytest.mark.parametrize(("path", "body", "status"), [("edit", b"{", 400), ("edit", b"[]", 400), ("fly", b"{}", 404)])
def test_requests_that_make_no_sense_are_refused(app: RunningApp, path: str, body: bytes, status: int) -> None:
    assert post(app, f"/api/change/{path}", body).status == status


def test_a_picture_that_was_removed_is_said_and_can_still_be_rejected(app: RunningApp, folder: Path) -> None:
    (folder / "images" / "01 ä.png").unlink()

    answer = get(app, "/api/pictures/1/image")

    assert answer.status == 404
    assert "01 ä.png cannot be shown" in said(answer)
    assert change(app, op="state", state="rejected").status == 200
    assert states_on_disk(folder)[0] == "rejected"


def test_pictures_that_no_browser_shows_upright_come_as_jpegs(app: RunningApp, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = BytesIO()
    Image.new("RGB", (HEIGHT, WIDTH), (200, 10, 10)).save(turned, "JPEG", exif=exif)
    (folder / "images" / "01 ä.png").write_bytes(turned.getvalue())
    Image.new("RGB", (WIDTH, HEIGHT), (10, 10, 200)).save(folder / "images" / "02 ä.png", "TIFF")

    for number, colour in ((1, 0), (2, 2)):
        answer = get(app, f"/api/pictures/{number}/image")
        with Image.open(BytesIO(answer.body)) as shown:
            assert (answer.headers["content-type"], shown.size) == ("image/jpeg", (WIDTH, HEIGHT))
            pixel = shown.convert("RGB").getpixel((5, 5))
        assert isinstance(pixel, tuple)
        assert pixel[colour] > 180


def test_a_file_name_that_leads_to_no_picture_shows_nothing(folder: Path) -> None:
    content = on_disk(folder)
    content["images"][0]["file_name"] = "/etc/passwd"
    (folder / "labels.json").write_text(json.dumps(content))
    access = Access(parse_endpoint("tcp://127.0.0.1:0"), TOKEN)
    with running_app(review_app(access, LabelFile(folder / "labels.json", folder / "images")), access) as running:
        answer = get(running, "/api/pictures/1/image")

    assert (answer.status, b"root" in answer.body) == (404, False)


def test_a_file_that_cannot_be_written_is_answered_with_507(
    app: RunningApp, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        folder.rename(folder.with_name("elsewhere"))
        answer = post(app, "/api/change/edit", b'{"picture": 1}')

    assert (answer.status, "put it back" in said(answer)) == (507, True)
    assert caplog.records == []
