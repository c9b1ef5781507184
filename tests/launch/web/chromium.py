"""Debian's Chromium, headless, for tests of the page; they skip where it is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from ...waiting import eventually

Chromium = webdriver.Chrome
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--disable-dev-shm-usage",
)
_WITHIN_S = 30.0


@contextmanager
def chromium(width_px: int = 1360, height_px: int = 900, downloads: Path | None = None) -> Generator[Chromium]:
    """A browser that is closed when the block is left; nothing that it logs as an error may be left unread."""
    browser_path, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if browser_path is None or driver_path is None:
        pytest.skip("Chromium is missing: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = browser_path
    for argument in (*_ARGUMENTS, f"--window-size={width_px},{height_px}"):
        options.add_argument(argument)
    if downloads is not None:
        prefs = {"download.default_directory": str(downloads)}
        options.add_experimental_option("prefs", prefs)  # pyright: ignore[reportUnknownMemberType]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(driver_path, log_output=os.devnull, env={**os.environ, "SE_OFFLINE": "true"})
    browser = webdriver.Chrome(options=options, service=service)
    try:
        yield browser
    finally:
        browser.quit()


def script(browser: Chromium, source: str, *arguments: object) -> Any:
    """Run JavaScript in the page."""
    return browser.execute_script(source, *arguments)  # pyright: ignore[reportUnknownMemberType]


def find(browser: Chromium, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def text_of(browser: Chromium, selector: str) -> str:
    """The text of an element as it is now, in one step, since the page may replace the element meanwhile."""
    return script(browser, "return document.querySelector(arguments[0])?.innerText ?? ''", selector)


def texts_of(browser: Chromium, selector: str) -> list[str]:
    return script(browser, "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)", selector)


def open_live(browser: Chromium, url: str) -> None:
    """Open the page, and collect the messages of the frames that it draws on the large canvas."""
    browser.get(url)
    script(
        browser,
        """window.drawn = [];
        document.getElementById("stage").addEventListener("drawn", ({detail}) => {
          window.drawn.push({...detail, at: performance.timeOrigin + performance.now()});
          if (window.onDrawn) window.onDrawn(detail);
        });""",
    )


def drawn(browser: Chromium) -> list[dict[str, Any]]:
    """The messages drawn so far."""
    return script(browser, "return window.drawn")


def wait_drawn(browser: Chromium, condition: str, within_s: float = _WITHIN_S) -> dict[str, Any]:
    """Wait for a drawn message for which a JavaScript expression over `one` holds."""
    source = f"return window.drawn.find((one) => {condition}) ?? null"
    assert eventually(lambda: script(browser, source) is not None, within_s), condition
    return script(browser, source)


def severe_logs(browser: Chromium) -> list[str]:
    """What the browser logged as an error: a blocked script or style, a failed request, an exception."""
    entries: list[dict[str, str]] = browser.get_log("browser")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
