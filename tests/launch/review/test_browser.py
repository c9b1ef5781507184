"""The review page in a real browser before the real command: keyboard and mouse in, the data set's file out."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from ...waiting import eventually
from ..web.chromium import Chromium, chromium, find, script, severe_logs, text_of, texts_of
from .review_sets import boxes_on_disk, make_set, on_disk, review_process, states_on_disk

AXE = Path(__file__).parent.parent.parent.parent / ".axe/node_modules/axe-core/axe.min.js"
AT = """
const [x, y] = arguments, canvas = document.getElementById("board");
const {left, top, width, height} = canvas.getBoundingClientRect();
const scale = Math.min(width / 320, height / 240);
return [left + (width - 320 * scale) / 2 + x * scale, top + (height - 240 * scale) / 2 + y * scale];
"""
CORNER = "const {left, top} = board.getBoundingClientRect(); return [left, top]"
COLOUR = "return [...board.getContext('2d').getImageData(...arguments, 1, 1).data].slice(0, 3)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")


def open_review(browser: Chromium, url: str, picture: int = 1) -> None:
    browser.get(url)
    wait_shown(browser, picture)


def wait_shown(browser: Chromium, picture: int) -> None:
    name = f"{picture:02d} ä.png"
    assert eventually(lambda: text_of(browser, "#file") == name), text_of(browser, "#problem")


def press(browser: Chromium, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def press_with(browser: Chromium, *held_then_key: str) -> None:
    *held, key = held_then_key
    actions = ActionChains(browser)
    for one in held:
        actions.key_down(one)
    actions.send_keys(key)
    for one in held:
        actions.key_up(one)
    actions.perform()


def drag(browser: Chromium, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse from one place of the picture to another, in the picture's px."""
    (x1, y1), (x2, y2) = (script(browser, AT, *place) for place in (start, end))
    actions = ActionChains(browser, duration=20)
    pointer: Any = actions.w3c_actions.pointer_action
    pointer.move_to_location(round(x1), round(y1))
    pointer.pointer_down()
    pointer.move_to_location(round((x1 + x2) / 2), round((y1 + y2) / 2))
    pointer.move_to_location(round(x2), round(y2))
    pointer.pointer_up()
    actions.perform()


def near(found: list[float], wanted: list[float]) -> bool:
    return len(found) == len(wanted) and all(abs(one - other) <= 1.0 for one, other in zip(found, wanted, strict=True))


def bbox_is(folder: Path, picture: int, row: int, wanted: list[float]) -> bool:
    boxes = boxes_on_disk(folder, picture)
    return row < len(boxes) and near(boxes[row]["bbox"], wanted)


def test_keyboard_and_mouse_correct_a_picture_and_the_file_has_it_at_once(browser: Chromium, folder: Path) -> None:
    with review_process(folder) as review:
        open_review(browser, review.url)
        assert "#" not in browser.current_url.replace("#1", "")  # the token is out of the address

        drag(browser, (70, 110), (80, 120))  # moves the box
        assert eventually(lambda: bbox_is(folder, 1, 0, [60, 100, 40, 40]))
        drag(browser, (100, 140), (110, 150))  # its corner
        assert eventually(lambda: bbox_is(folder, 1, 0, [60, 100, 50, 50]))
        press(browser, "2")
        assert eventually(lambda: boxes_on_disk(folder, 1)[0]["category_id"] == 2)
        press_with(browser, Keys.SHIFT, Keys.ARROW_LEFT)
        assert eventually(lambda: bbox_is(folder, 1, 0, [59, 100, 50, 50]))
        press(browser, Keys.ESCAPE, "2")
        drag(browser, (200, 40), (260, 80))  # a new one on empty ground
        assert eventually(lambda: bbox_is(folder, 1, 1, [200, 40, 60, 40]))
        assert boxes_on_disk(folder, 1)[1]["category_id"] == 2
        press(browser, Keys.DELETE)
        assert eventually(lambda: len(boxes_on_disk(folder, 1)) == 1)
        press_with(browser, Keys.CONTROL, "z")
        assert eventually(lambda: len(boxes_on_disk(folder, 1)) == 2)
        press(browser, Keys.ENTER)
        assert eventually(lambda: states_on_disk(folder) == ["checked", "new", "new"])
        wait_shown(browser, 2)
        press(browser, "x")
        assert eventually(lambda: states_on_disk(folder) == ["checked", "rejected", "new"])
        wait_shown(browser, 3)
        press(browser, Keys.ARROW_LEFT)
        wait_shown(browser, 2)

        before = on_disk(folder)
        browser.refresh()
        wait_shown(browser, 2)
        assert text_of(browser, "#progress") == "1 checked, 1 rejected, 1 new"
        press(browser, "a")
        wait_shown(browser, 1)
        assert [text.split("\n")[0] for text in texts_of(browser, "#boxes li")] == ["blue thing", "blue thing"]
        assert on_disk(folder) == before
        assert severe_logs(browser) == []

        review.process.send_signal(signal.SIGINT)
        assert review.process.wait(60) == 0
        assert on_disk(folder) == before
        press(browser, "x")
        assert eventually(lambda: "does not answer" in text_of(browser, "#problem"))
    assert on_disk(folder) == before
    severe_logs(browser)


@pytest.mark.slow
def test_a_full_disk_keeps_the_change_in_the_page_until_it_is_saved(browser: Chromium, folder: Path) -> None:
    with review_process(folder) as review:
        open_review(browser, review.url)
        before = on_disk(folder)
        unlimited = resource.prlimit(review.process.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        drag(browser, (200, 40), (260, 80))
        assert eventually(lambda: "nothing was saved" in text_of(browser, "#problem"))
        assert on_disk(folder) == before
        press(browser, "d")  # the page stays at the change
        assert text_of(browser, "#file") == "01 ä.png"

        resource.prlimit(review.process.pid, resource.RLIMIT_FSIZE, unlimited)
        find(browser, "#again").click()

        assert eventually(lambda: bbox_is(folder, 1, 1, [200, 40, 60, 40]))
        assert eventually(lambda: text_of(browser, "#problem-text") == "")
    severe_logs(browser)  # the answer 507


@pytest.mark.slow
def test_two_tabs_and_a_picture_that_is_removed_lose_nothing(browser: Chromium, folder: Path) -> None:
    with review_process(folder) as review, chromium() as other:
        open_review(browser, review.url)
        open_review(other, review.url)
        drag(browser, (200, 40), (260, 80))
        assert eventually(lambda: len(boxes_on_disk(folder, 1)) == 2)

        press(other, "e", Keys.DELETE)

        assert eventually(lambda: "changed elsewhere" in text_of(other, "#problem"))
        assert eventually(lambda: len(texts_of(other, "#boxes li")) == 2)
        assert len(boxes_on_disk(folder, 1)) == 2
        press(other, Keys.DELETE)
        assert eventually(lambda: len(boxes_on_disk(folder, 1)) == 1)

        (folder / "images" / "02 ä.png").unlink()
        press(browser, "d")
        assert eventually(lambda: "cannot be shown" in text_of(browser, "#veil"))
        press(browser, "x")
        assert eventually(lambda: states_on_disk(folder) == ["new", "rejected", "new"])
    severe_logs(browser)


@pytest.mark.slow
def test_a_class_is_accepted_above_a_score_in_all_pictures(browser: Chromium, folder: Path) -> None:
    with review_process(folder) as review:
        open_review(browser, review.url)
        field = find(browser, "#accept-score")
        field.clear()
        field.send_keys("0.52")
        find(browser, "#accept button[value=everywhere]").click()
        assert eventually(lambda: states_on_disk(folder) == ["new", "checked", "checked"])
        assert eventually(lambda: text_of(browser, "#progress") == "2 checked, 0 rejected, 1 new")
        find(browser, "#undo").click()
        assert eventually(lambda: states_on_disk(folder) == ["new", "new", "new"])
        wait_shown(browser, 2)  # which it changed
        assert eventually(lambda: text_of(browser, "#progress") == "0 checked, 0 rejected, 3 new")
        assert eventually(lambda: script(browser, "return document.getElementById('saved').dataset.state") == "good")
    assert severe_logs(browser) == []


@pytest.mark.slow
def test_the_next_picture_is_the_next_uncertain_one_though_a_box_was_corrected(browser: Chromium, folder: Path) -> None:
    with review_process(folder) as review:
        open_review(browser, review.url)
        script(browser, "const order = document.getElementById('order'); order.value = 'least';")
        script(browser, "document.getElementById('order').dispatchEvent(new Event('change'))")
        find(browser, "#accept-score").clear()
        find(browser, "#accept button[value=everywhere]").click()  # without a score nothing is accepted
        drag(browser, (70, 110), (80, 120))
        assert eventually(lambda: bbox_is(folder, 1, 0, [60, 100, 40, 40]))

        press(browser, Keys.ENTER)

        wait_shown(browser, 2)
        assert states_on_disk(folder) == ["checked", "new", "new"]
        assert [one.get("accepted") for one in on_disk(folder)["annotations"]] == [True, None, None]
        script(browser, "document.querySelector('#boxes button').focus()")
        press(browser, Keys.ENTER)  # selects the box, whose list is made anew
        assert eventually(lambda: find(browser, "#selected").is_displayed())
        assert script(browser, "return document.activeElement.getAttribute('aria-pressed')") == "true"
    assert severe_logs(browser) == []


@pytest.mark.slow
def test_script_in_a_class_stays_text_and_polygons_can_be_hidden(browser: Chromium, folder: Path) -> None:
    name = "<img src=x onerror=window.broken=1>"
    with review_process(folder) as review:
        open_review(browser, review.url)
        press(browser, "e")
        script(browser, "document.getElementById('name').value = ''")
        find(browser, "#name").send_keys(name, Keys.ENTER)
        assert eventually(lambda: [one["name"] for one in on_disk(folder)["categories"]][-1] == name)
        assert script(browser, "return window.broken ?? null") is None
        find(browser, "#board").click()
        (left, top), corner = script(browser, AT, 70, 98), script(browser, CORNER)
        place = round(left - corner[0]), round(top - corner[1])
        filled = script(browser, COLOUR, *place)
        press(browser, "t")
        assert eventually(lambda: script(browser, COLOUR, *place) == [90, 90, 90])
        assert filled != [90, 90, 90]
    assert severe_logs(browser) == []


@pytest.mark.slow
def test_axe_finds_no_serious_fault(browser: Chromium, folder: Path) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is missing: npm install --no-save --prefix .axe axe-core@4")
    with review_process(folder) as review:
        open_review(browser, review.url)
        press(browser, "e")
        script(browser, "document.querySelector('details').open = true")
        for theme in ("light", "dark"):
            script(browser, "document.documentElement.dataset.theme = arguments[0]", theme)
            script(browser, AXE.read_text())
            serious = "one.impact === 'serious' || one.impact === 'critical'"
            found = browser.execute_async_script(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
                f"axe.run().then((all) => arguments[0](all.violations.filter((one) => {serious})"
                ".map((one) => one.id + ' ' + one.nodes[0].html)))"
            )
            assert found == [], theme


@pytest.mark.slow
def test_twenty_pictures_are_corrected_and_each_step_is_in_the_file(browser: Chromium, tmp_path: Path) -> None:
    folder = make_set(tmp_path / "twenty", 20)
    with review_process(folder) as review:
        open_review(browser, review.url)
        for number in range(1, 21):
            wait_shown(browser, number)
            drag(browser, (70, 110), (80, 120))
            assert eventually(lambda: bbox_is(folder, number, 0, [60, 100, 40, 40])), number  # noqa: B023
            press(browser, Keys.ESCAPE, "2")
            drag(browser, (200, 40), (260, 80))
            assert eventually(lambda: bbox_is(folder, number, 1, [200, 40, 60, 40])), number  # noqa: B023
            if number % 5 == 0:
                press(browser, Keys.DELETE)
                assert eventually(lambda: len(boxes_on_disk(folder, number)) == 1), number  # noqa: B023
                press_with(browser, Keys.CONTROL, "z")
                assert eventually(lambda: len(boxes_on_disk(folder, number)) == 2), number  # noqa: B023
            if number % 7 == 0:
                browser.refresh()
                wait_shown(browser, number)
                assert len(texts_of(browser, "#boxes li")) == 2
            press(browser, "x" if number == 13 else Keys.ENTER)
            wanted = "rejected" if number == 13 else "checked"
            assert eventually(lambda: states_on_disk(folder)[number - 1] == wanted), number  # noqa: B023
        assert eventually(lambda: text_of(browser, "#progress") == "19 checked, 1 rejected, 0 new")
    content = on_disk(folder)
    assert len(content["annotations"]) == 40
    assert all(near(one["bbox"], [60, 100, 40, 40]) for one in content["annotations"] if one["category_id"] == 1)
    assert severe_logs(browser) == []
