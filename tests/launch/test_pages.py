"""What the README and the pages beside it tell a reader to type is what the commands take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from .commands import in_process

ROOT = Path(__file__).parent.parent.parent
PAGES = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "launch" / "deploy" / "README.md")
GROUPS = ("bench", "ctl", "eval", "keys", "train")


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
    return {word for word in words if word.startswith("--")} - {"--help"}


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
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())

    assert [at for at in targets if "://" not in at and not (page.parent / at).exists()] == []
