"""A bar on a terminal that stands in nobody's way."""

from __future__ import annotations

import io
import sys

import pytest

from groundcast.launch.progress import progress


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


def test_what_goes_into_a_file_is_not_drawn_with_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with progress("looking") as advance:
        print('{"pictures": 1}')
        advance(1, 2)

    assert capsys.readouterr().out == '{"pictures": 1}\n'
    assert "looking" in terminal.getvalue()


def test_elsewhere_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("looking") as advance:
        advance(1, 2)

    assert capsys.readouterr() == ("", "")
