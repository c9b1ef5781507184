"""Reads what a training or an evaluation leaves to be looked at."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import cv2


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pictures: set[str] = set()
        self.others: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        for name in ("src", "href", "data", "srcset"):
            value = values.get(name)
            if value is not None and value.startswith("data:image/"):
                self.pictures.add(str(values["alt"]))
            elif value is not None:
                self.others.append(value)


def check_report(folder: Path) -> set[str]:
    """The pictures of the page, each of which can be decoded; the page asks for nothing outside itself."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.others == []
    assert "default-src 'none'" in text
    assert "url(" not in text
    for name in page.pictures:
        (file,) = [*folder.glob(f"{name}.png"), *folder.glob(f"{name}.jpg")]
        assert cv2.imread(str(file)) is not None
    return page.pictures


def read_classes(folder: Path) -> dict[str, dict[str, str]]:
    """The figures of each class by its name."""
    with (folder / "classes.csv").open(encoding="utf-8", newline="") as file:
        return {row["class"]: row for row in csv.DictReader(file)}
