"""What the README and the other pages name is there: options of commands, links, headings, paths."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from .commands import in_process

ROOT = Path(__file__).parent.parent.parent
FURTHER = ("cuda/README.md", "launch/deploy/README.md", "model/tabletop/MODEL_CARD.md")
PAGES = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / page for page in FURTHER))
FOLDERS = ("launch", "stream", "model", "cuda", "tests", "configs", "docs")
GROUPS = ("bench", "bridge", "calibrate", "ctl", "dataset", "eval", "events", "keys", "train")


def lines_to_type(page: str) -> Iterator[list[str]]:
    """The commands of groundcast in a page's code, as words: whole lines in blocks, and spans in sentences."""
    fence = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    blocks: list[str] = fence.findall(page)
    spans: list[str] = re.findall(r"`(groundcast [^`]+)`", fence.sub("", page))
    for line in [*"\n".join(blocks).splitlines(), *spans]:
        if re.match(r"(torchrun .*)?groundcast ", line):
            words = shlex.split(line, comments=True)
            yield words[words.index("groundcast") + 1 :]


def options_of(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")} - {"--help", "--"}


def test_pages_name_no_option_that_a_command_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    typed = [words for page in PAGES for words in lines_to_type(page.read_text())]
    asked: dict[tuple[str, ...], set[str]] = {}
    for words in typed:
        command = tuple(words[: 2 if words[0] in GROUPS else 1])
        if command[-1].isidentifier():
            asked.setdefault(command, set()).update(options_of(words))

    assert {("run",), ("listen",), ("ctl", "ask"), ("keys", "allow"), ("replay",)} <= set(asked)
    for command, options in asked.items():
        ended = in_process(capsys, *command, "--help")
        assert ended.code == 0, command
        assert options <= set(re.findall(r"--[a-z0-9-]+", ended.out)), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_backticks_are_there(page: Path) -> None:
    assert lost_paths(page) == []


def test_a_dead_link_and_a_lost_path_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Top\n[a](#top) [b](#gone) [c](page.md#top) [d](none.md)\n`stream/none.py`, `stream/pipeline.py`")

    assert dead_links(page) == ["#gone", "none.md"]
    assert lost_paths(page) == ["stream/none.py"]


def dead_links(page: Path) -> list[str]:
    """The links of a page to files that do not exist, or to headings that their file does not have."""
    found: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (heading and heading not in headings(file)):
            found.append(target)
    return found


def headings(page: Path) -> set[str]:
    """The names under which a forge links to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def lost_paths(page: Path) -> list[str]:
    """The paths of this repository that a page names in backticks and that do not exist."""
    spans: list[str] = re.findall(r"`([\w./-]+)`", page.read_text())
    return [path for path in spans if path.split("/")[0] in FOLDERS and "/" in path and not (ROOT / path).exists()]
