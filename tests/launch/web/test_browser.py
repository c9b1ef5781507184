"""The page in a real browser before a real node."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from ...waiting import eventually
from .chromium import Chromium, chromium, drawn, find, open_live, script, severe_logs, text_of, texts_of, wait_drawn
from .live_page import FRAMES, LiveNode, live_node, node_settings, page_process

AXE = Path(__file__).parent.parent.parent.parent / ".axe/node_modules/axe-core/axe.min.js"
COUNTER = """
const context = document.getElementById("stage").getContext("2d");
window.onDrawn = (message) => {
  let number = 0;
  for (let bit = 0; bit < 8; bit++) number |= (context.getImageData(bit * 16 + 8, 232, 1, 1).data[0] > 127) << bit;
  window.counted = window.counted ?? [];
  window.counted.push([message.frame.index, number, message.tracks.map((track) => track.detected_xyxy?.[0] ?? null)]);
};
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as one:
        yield one


@pytest.fixture
def live(browser: Chromium, page: str) -> Chromium:
    """The page, with its first frame drawn."""
    open_live(browser, page)
    wait_drawn(browser, "one.tracks.length")
    return browser


def ask(browser: Chromium, text: str) -> None:
    field = find(browser, "#phrase")
    field.clear()
    field.send_keys(text, Keys.ENTER)


def chips(browser: Chromium) -> list[str]:
    return texts_of(browser, "#chips .name")


def test_the_page_draws_boxes_of_the_typed_prompt(live: Chromium) -> None:
    assert eventually(lambda: chips(live) == ["red blob"])

    ask(live, "green blob . blue blob")

    assert eventually(lambda: chips(live) == ["red blob", "green blob", "blue blob"])
    wait_drawn(live, "one.tracks.some((track) => track.phrase === 'green blob')")
    assert eventually(lambda: "1 green blob" in text_of(live, "#summary"))
    assert text_of(live, "#ask-problem") == ""
    assert severe_logs(live) == []


def test_what_cannot_be_asked_is_said_beside_the_field(live: Chromium) -> None:
    ask(live, "red mug, bolt")

    assert eventually(lambda: "did you mean" in text_of(live, "#ask-problem"))


def test_script_in_a_prompt_stays_text(live: Chromium) -> None:
    text = "red <img src=x onerror=window.broken=1>"

    ask(live, text)

    assert eventually(lambda: chips(live) == ["red blob", text])
    assert script(live, "return window.broken ?? null") is None
    assert script(live, "return document.querySelectorAll('#chips img').length") == 0


def test_a_slider_changes_what_counts_as_found(live: Chromium) -> None:
    ask(live, "green blob")
    wait_drawn(live, "one.tracks.some((track) => track.phrase === 'green blob' && track.state === 'matched')")

    script(
        live,
        "const slider = document.getElementById('score'); slider.value = 0.95;"
        "for (const type of ['input', 'change']) slider.dispatchEvent(new Event(type, {bubbles: true}));"
        "window.drawn.length = 0;",
    )

    # The plain detector finds everything with 0.9.
    assert eventually(
        lambda: script(
            live,
            "const last = window.drawn.slice(-3); return last.length === 3 && last.every((one) =>"
            "one.tracks.every((track) => track.phrase !== 'green blob' || track.state === 'coasting'))",
        )
    )
    assert text_of(live, "#score-value") == "0.95"


def test_two_viewers_ask_for_different_things(live: Chromium, page: str) -> None:
    with chromium() as other:
        open_live(other, page)
        wait_drawn(other, "one.tracks.length")
        ask(live, "green blob")
        ask(other, "blue blob")

        assert eventually(lambda: chips(live) == ["red blob", "green blob"])
        assert eventually(lambda: chips(other) == ["red blob", "blue blob"])
        assert eventually(lambda: not find(live, "#others-label").get_attribute("hidden"))
        script(live, "document.getElementById('others').click()")
        assert eventually(lambda: chips(live) == ["red blob", "green blob", "blue blob"])

    assert eventually(lambda: chips(live) == ["red blob", "green blob"])  # what the other asked for ended with it


@pytest.mark.bar
@pytest.mark.slow
def test_a_box_is_never_drawn_on_another_picture(live: Chromium) -> None:
    script(live, COUNTER)

    assert eventually(lambda: script(live, "return (window.counted ?? []).length >= 40"), 60.0)
    for index, number, lefts in script(live, "return window.counted"):
        assert index % FRAMES == number
        assert all(left is None or abs(left - (20 + 3 * number)) <= 3 for left in lefts)


@pytest.mark.bar
@pytest.mark.slow
def test_300_frames_are_drawn_with_their_own_boxes(live: Chromium) -> None:
    script(live, COUNTER)

    assert eventually(lambda: script(live, "return (window.counted ?? []).length >= 300"), 300.0)
    counted = script(live, "return window.counted.slice(0, 300)")
    assert [index % FRAMES for index, _, _ in counted] == [number for _, number, _ in counted]
    assert sum(len(lefts) for _, _, lefts in counted) >= 250
    assert all(left is None or abs(left - (20 + 3 * n)) <= 3 for _, n, lefts in counted for left in lefts)


def test_another_source_is_shown_with_a_click(live: Chromium) -> None:
    assert eventually(lambda: len(texts_of(live, "#tiles button")) == 2)

    script(live, "document.querySelectorAll('#tiles button')[1].click(); window.drawn.length = 0")

    assert wait_drawn(live, "one.source === 'right'")["source"] == "right"
    assert text_of(live, "#source-title") == "right"


@pytest.mark.bar
@pytest.mark.slow
def test_a_source_that_is_lost_and_comes_back_is_shown_as_such(
    tmp_path: Path, counting_clip: Path, browser: Chromium
) -> None:
    settings = node_settings(counting_clip, name=f"lost-{os.getpid()}")
    with live_node(tmp_path, settings) as node:
        address = node.ready["address"]
        with page_process(tmp_path, address) as url:
            open_live(browser, url)
            wait_drawn(browser, "one.tracks.length")
            node.process.kill()
            assert eventually(lambda: "no answer" in text_of(browser, "#problem"), 60.0)
            script(browser, "window.drawn.length = 0")
            settings["publish"] = {"address": address}
            with live_node(tmp_path, settings):
                assert wait_drawn(browser, "one.tracks.length", 90.0)
                assert eventually(lambda: text_of(browser, "#problem") == "", 60.0)


def test_the_token_is_wanted(tmp_path: Path, node: LiveNode, browser: Chromium) -> None:
    token = tmp_path / "token"
    with page_process(tmp_path, node.ready["address"], "--token", token) as url:
        browser.get(url)
        assert browser.current_url == f"{url}/login"
        find(browser, "#token").send_keys("wrong", Keys.ENTER)
        assert eventually(lambda: "the token is wrong" in text_of(browser, "#wrong"))
        field = find(browser, "#token")
        field.clear()
        field.send_keys(token.read_text().strip(), Keys.ENTER)
        assert eventually(lambda: browser.current_url in (f"{url}/", f"{url}/#live"))
        assert eventually(lambda: "source" in text_of(browser, "#connection"))
        assert script(browser, "return document.cookie") == ""


def test_axe_finds_no_serious_fault(live: Chromium) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is missing: npm install --no-save --prefix .axe axe-core@4")
    source, serious = AXE.read_text(), "one.impact === 'serious' || one.impact === 'critical'"
    for theme in ("light", "dark"):
        for tab in ("live", "picture", "events"):
            script(live, "document.documentElement.dataset.theme = arguments[0]", theme)
            script(live, f"document.getElementById('tab-{tab}').click()")
            script(live, source)
            found = live.execute_async_script(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
                f"axe.run().then((all) => arguments[0](all.violations.filter((one) => {serious})"
                ".map((one) => one.id + ' ' + one.nodes[0].html)))"
            )
            assert found == [], (theme, tab)


def test_a_telephone_shows_everything_without_scrolling_sideways(page: str) -> None:
    with chromium(width_px=500, height_px=900) as small:
        small.execute_cdp_cmd(  # pyright: ignore[reportUnknownMemberType]
            "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
        )
        open_live(small, page)
        wait_drawn(small, "one.tracks.length")

        assert script(small, "return document.documentElement.scrollWidth") <= 360
        beyond = script(
            small,
            "return [...document.querySelectorAll('#live button, #live input, header *')].filter((one) =>"
            "one.offsetParent && !one.closest('#tiles, .skip') && one.getBoundingClientRect().right > 361)"
            ".map((one) => one.outerHTML)",
        )
        assert beyond == []


def test_the_tabs_are_reached_with_the_keyboard(live: Chromium) -> None:
    find(live, "#tab-live").send_keys(Keys.ARROW_RIGHT)

    assert script(live, "return document.activeElement.id") == "tab-picture"
    assert find(live, "#picture").is_displayed()
    assert not find(live, "#live").is_displayed()
    assert len(drawn(live)) > 0


@pytest.mark.slow
def test_what_is_asked_in_one_moment_is_looked_for_together(live: Chromium) -> None:
    ask = "field.value = arguments[{}]; document.getElementById('ask').requestSubmit();"

    script(live, f"const field = document.getElementById('phrase'); {ask.format(0)} {ask.format(1)}", "green", "blue")

    assert eventually(lambda: chips(live) == ["red blob", "green", "blue"])
    assert script(live, "return document.getElementById('phrase').value") == ""


@pytest.mark.slow
def test_the_keyboard_stays_on_a_slider_that_it_moves(live: Chromium) -> None:
    assert eventually(lambda: chips(live) == ["red blob"])
    slider = "#chips input[type=range]"
    before = float(script(live, f"return document.querySelector('{slider}').value"))
    script(live, f"document.querySelector('{slider}').focus()")
    for presses in (1, 2):
        ActionChains(live).send_keys(Keys.ARROW_LEFT).perform()
        shown = f"return document.querySelector('{slider}').title"
        wanted = f"minimum score: {before - 0.05 * presses:g}"
        assert eventually(lambda: script(live, shown) == wanted), wanted  # noqa: B023

    assert script(live, "return document.activeElement.dataset.key") == "score red blob"


@pytest.mark.slow
def test_a_zone_that_was_begun_on_one_source_is_not_put_into_another(live: Chromium) -> None:
    assert eventually(lambda: len(texts_of(live, "#tiles button")) == 2)
    find(live, "#tab-events").click()
    find(live, "#draw-zone").click()
    find(live, "#places").send_keys(Keys.ENTER, Keys.ARROW_RIGHT, Keys.ENTER, Keys.ARROW_DOWN, Keys.ENTER)
    assert find(live, "#give-up").is_displayed()

    script(live, "document.querySelector('#tiles button[aria-pressed=false]').click()")

    assert not find(live, "#give-up").is_displayed()
    find(live, "#place-name").send_keys("shelf", Keys.ENTER)
    assert eventually(lambda: "draw a zone or a line first" in text_of(live, "#place-problem"))


@pytest.mark.slow
def test_an_answer_about_a_picture_is_not_drawn_on_the_next_one(live: Chromium, tmp_path: Path) -> None:
    for name, shade in (("first.png", 40), ("second.png", 200)):
        Image.new("RGB", (64, 48), (shade, shade, shade)).save(tmp_path / name)
    find(live, "#tab-picture").click()
    script(
        live,
        """window.held = [];
        const real = window.fetch;
        window.fetch = (path, ...more) => path === "/api/detect"
          ? new Promise((resolve) => window.held.push((label) => resolve(new Response(JSON.stringify({
              model: "m", infer_ms: 1, detections: [{label, confidence: 0.5, bbox: {x1: 1, y1: 1, x2: 9, y2: 9}}]})))))
          : real(path, ...more);
        document.getElementById("words").value = "mug";""",
    )
    for count, name in enumerate(("first.png", "second.png"), 1):
        find(live, "#file").send_keys(str(tmp_path / name))
        assert eventually(lambda: script(live, "return window.held.length") == count)  # noqa: B023

    script(live, "window.held[1]('second')")
    assert eventually(lambda: texts_of(live, "#found td:first-child") == ["second"])
    script(live, "window.held[0]('first')")

    assert script(live, "return new Promise((done) => setTimeout(done, 100))") is None
    assert texts_of(live, "#found td:first-child") == ["second"]
    assert script(live, "return document.getElementById('shot').getAttribute('aria-label')") == "second.png: second"
