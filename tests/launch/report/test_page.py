"""The page of a report: one file, in which names are text and nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from groundcast.launch.report.page import ReportPage, write_page

ODD = "<script>alert('mug')</script> & \"can\""


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_that_look_like_markup_stay_text(tmp_path: Path) -> None:
    picture = tmp_path / "pr.png"
    cv2.imwrite(str(picture), np.zeros((4, 4, 3), np.uint8))
    page = ReportPage(ODD, {ODD: [[ODD, "AP"], [ODD, 0.5]]}, {ODD: [picture]}, {ODD: {"path": ODD}})

    write_page(page, tmp_path / "report.html")

    read = _Tags()
    read.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in read.tags
    assert read.text.count("<script>alert('mug')</script>") >= 5
    assert "0.5000" in read.text
    assert {path.name for path in tmp_path.iterdir()} == {"pr.png", "report.html"}
