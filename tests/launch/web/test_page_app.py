"""The page's server before a real node: its files, its frames, its states and its requests."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

from groundcast.launch.web.static_files import FOLDER

from .live_page import BIT_PX, BITS, FRAMES, LiveNode, page_process
from .page_client import PageClient
from .running_app import RunningApp


def counter_in(jpeg: bytes) -> int:
    """The number at the bottom of a picture of the counting clip."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    blocks = [image[-BIT_PX // 2, bit * BIT_PX + BIT_PX // 2] for bit in range(BITS)]
    return sum(1 << bit for bit, shade in enumerate(blocks) if shade > 127)


def test_the_page_loads_nothing_but_its_own_files_and_stays_small() -> None:
    files = {path.name: path.read_text() for path in FOLDER.iterdir()}

    assert sum(map(len, files.values())) < 150_000
    for name, text in files.items():
        assert "https://" not in text.replace('https:" ?', ""), name
        assert name == "icon.svg" or "http://" not in text, name
        assert "innerHTML" not in text, name
        assert " style=" not in text, name
        assert " on" + "click=" not in text, name


def test_files_are_served_by_name_and_no_path_leads_out(page: str) -> None:
    served = RunningApp(int(page.rpartition(":")[2]))

    script = served.ask("GET", "/static/main.js")
    again = served.ask("GET", "/static/main.js", if_none_match=script.headers["etag"])

    assert (script.status, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert (again.status, again.body) == (304, b"")
    assert b"<title>groundcast</title>" in served.ask("GET", "/").body
    for path in (
        "/static/../hub.py",
        "/static/%2e%2e/hub.py",
        "/static/..%2fhub.py",
        "/hub.py",
        "/static/",
        "//etc/passwd",
    ):
        assert served.ask("GET", path).status in (404, 307), path


def test_each_frame_brings_its_own_picture(page: str) -> None:
    with PageClient(page, "left") as viewer:
        frames = [viewer.frame(_is_detected) for _ in range(20)]

    for frame in frames:
        number = counter_in(frame.jpeg)
        left = frame.message["tracks"][0]["detected_xyxy"][0]
        assert frame.message["frame"]["index"] % FRAMES == number
        assert abs(left - (20 + 3 * number)) <= 3


def _is_detected(message: dict[str, Any]) -> bool:
    return bool(message["tracks"]) and message["tracks"][0]["detected_xyxy"] is not None


def test_no_frame_is_sent_before_the_last_one_was_drawn_and_then_the_newest(page: str) -> None:
    with PageClient(page, "left") as viewer:
        first = viewer.frame(acknowledge=False)
        assert viewer.is_silent(1.0)
        viewer.send(op="ack")
        then = viewer.frame()

    assert then.message["seq"] >= first.message["seq"] + 10


def test_what_a_viewer_asks_for_ends_with_it(page: str) -> None:
    with PageClient(page) as watching:
        with PageClient(page, "left") as viewer:
            answer = viewer.request("ask", text="green blob . yellow blob")
            assert [one["name"] for one in answer["phrases"]] == ["green blob", "yellow blob"]
            frame = viewer.frame(lambda message: "green blob" in message["prompt"]["phrases"])
            assert frame.message["seq"] <= answer["first_seq"]["left"][1] + 40
            viewer.frame(lambda message: any(track["phrase"] == "green blob" for track in message["tracks"]))
            watching.state(lambda state: state["leases"] != [])
        watching.state(lambda state: state["leases"] == [])


def test_asking_again_replaces_what_was_asked(page: str) -> None:
    with PageClient(page, "left") as viewer:
        viewer.request("ask", text="green blob")
        again = viewer.request("ask", phrases=[{"name": "blue blob", "threshold": 0.5}])
        state = viewer.state(lambda state: state["leases"] != [])
        viewer.request("ask", phrases=[])
        ended = viewer.state(lambda state: state["leases"] == [])

    assert again["ok"]
    assert [lease["phrases"] for lease in state["leases"]] == [["blue blob"]]
    assert [one["name"] for one in ended["prompts"]["left"]] == ["red blob"]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"op": "ask", "text": "red mug, bolt"}, "did you mean"),
        ({"op": "ask", "text": "x" * 300}, "longer than 200"),
        ({"op": "ask", "phrases": "red"}, "phrases must be a list"),
        ({"op": "ask", "phrases": [{"name": 5}]}, "name must be a text"),
        ({"op": "ask", "phrases": [{"name": "bolt", "threshold": 7}]}, "0..1"),
        ({"op": "set_prompt", "phrases": []}, "asks for nothing"),
        ({"op": "set_thresholds", "thresholds": {"red blob": "high"}}, "0..1"),
        ({"op": "add_source", "settings": {"name": "more", "url": "/gone.mp4"}}, "gone.mp4"),
        ({"op": "add_source", "settings": {"name": "more", "url": "lavfi:testsrc"}}, "lavfi"),
        ({"op": "add_source", "settings": {"name": "a/b", "url": "x"}}, "name"),
        ({"op": "remove_source", "source": "nothing"}, "nothing"),
        ({"op": "remove_source"}, "name the source"),
        ({"op": "shut_down"}, "does not know"),
        ({"op": ["ask"]}, "op must be a text"),
    ],
)
def test_a_wrong_request_is_answered_with_a_sentence(page: str, request_: dict[str, object], sentence: str) -> None:
    with PageClient(page, "left") as viewer:
        viewer.frame()
        answer = viewer.request(**request_)  # pyright: ignore[reportArgumentType]

    assert not answer["ok"]
    assert sentence in answer["error"]["message"]


def test_junk_is_survived(page: str) -> None:
    with PageClient(page, "left") as viewer:
        for text in ("", "junk", "[]", "null", "[" * 5000, '{"op": "watch", "large": 7, "tiles": {"a": 1}}'):
            viewer.send_text(text)
        viewer.send(op="watch", large="left", tiles=[])
        assert viewer.frame().message["source"] == "left"


def test_a_long_id_of_a_request_is_not_echoed(page: str) -> None:
    with connect(f"{page.replace('http', 'ws', 1)}/live", max_size=None) as viewer:
        viewer.send(json.dumps({"op": "nonsense", "id": "x" * 30_000}))
        received = (json.loads(text) for text in viewer if isinstance(text, str))
        answer = next(one for one in received if one["type"] == "answer")
    assert (answer["id"], answer["ok"]) == (None, False)


def test_sources_are_paused_added_and_removed(page: str, counting_clip: Path) -> None:
    with PageClient(page, "left") as viewer:
        viewer.frame()
        assert viewer.request("pause", source="right")["ok"]
        viewer.state(lambda state: state["paused"] == ["right"])
        assert viewer.request("resume", source="right")["ok"]
        assert viewer.request("add_source", settings={"name": "more", "url": str(counting_clip)})["ok"]
        viewer.state(lambda state: len(state["sources"]) == 3)
        assert viewer.request("remove_source", source="more")["ok"]
        viewer.state(lambda state: len(state["sources"]) == 2)


def test_a_zone_that_a_viewer_draws_is_counted_in_and_its_events_come(page: str) -> None:
    zone = {"name": "all", "polygon_px": [[0, 0], [320, 0], [320, 240], [0, 240]], "settle_s": 0.0}
    with PageClient(page, "left") as viewer:
        assert viewer.request("put_zone", source="left", zone=zone)["ok"]
        try:
            state = viewer.state(lambda state: any(one.get("counts") for one in state["sources"]))
            assert state["settings"]["left"]["zones"][0]["name"] == "all"
            viewer.until(lambda: any(one["kind"] == "enter" for one in viewer.events))
        finally:
            assert viewer.request("remove_place", source="left", name="all")["ok"]
        wrong = viewer.request("put_zone", source="left", zone={"name": "flat", "polygon_px": [[0, 0]]})
        keys = [one["key"] for one in viewer.events]

    assert not wrong["ok"]
    assert len(keys) == len(set(keys))


def test_pictures_are_encoded_only_while_a_viewer_takes_them(page: str) -> None:
    with PageClient(page, "left") as stopped:
        stopped.frame(acknowledge=False)
        time.sleep(3.5)  # more than a viewer may take
        with PageClient(page, "right") as viewer:
            assert viewer.frame(lambda message: message["source"] == "right").jpeg
        stopped.send(op="ack")
        assert stopped.frame(lambda message: message["source"] == "left").message["source"] == "left"


def test_a_page_that_may_only_watch_says_so(node: LiveNode, tmp_path: Path) -> None:
    with page_process(tmp_path, node.ready["address"], "--watch-only") as url, PageClient(url, "left") as viewer:
        assert viewer.frame().jpeg
        answer = viewer.request("ask", text="bolt")
        state = viewer.state()

    assert not state["control"]
    assert "may only watch" in answer["error"]["message"]


def test_the_token_is_wanted_and_a_login_gives_a_cookie(node: LiveNode, tmp_path: Path) -> None:
    token = tmp_path / "token"
    with page_process(tmp_path, node.ready["address"], "--token", token) as url:
        served = RunningApp(int(url.rpartition(":")[2]))
        refused = served.ask("GET", "/")
        wrong = served.ask("POST", "/login", b"wrong")
        right = served.ask("POST", "/login", token.read_bytes())
        cookie = right.headers["set-cookie"].split(";")[0]

        assert (refused.status, refused.headers["location"]) == (303, "/login")
        assert (wrong.status, right.status) == (401, 303)
        assert served.ask("GET", "/", cookie=cookie).status == 200
        assert served.ask("GET", "/static/live.js").status == 401
        with urlopen(f"{url}/login") as login:
            assert b"Log in" in login.read()
