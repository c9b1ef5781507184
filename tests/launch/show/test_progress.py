"""Progress bars on a terminal: they leave lines of the log and of results whole."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from groundcast.launch.log_setup import log_to_stderr
from groundcast.launch.show.progress import busy, progress
from groundcast.launch.train.progress import TrainingProgress
from groundcast.model.training.trainer import Progress

from ...waiting import eventually

ERASE_LINE = "\x1b[2K"


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
    assert " GB" in terminal.getvalue()


@contextmanager
def on_a_terminal() -> Generator[Terminal]:
    """Standard error on a terminal, and the log on it."""
    shown, stderr = Terminal(), sys.stderr
    sys.stderr = shown
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    hooks = sys.excepthook, threading.excepthook
    log_to_stderr(logging.INFO)
    try:
        yield shown
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        sys.excepthook, threading.excepthook = hooks
        sys.stderr = stderr


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    with on_a_terminal() as terminal, progress("detecting in [/x]\x1b[2J") as advance:
        advance(1, 2)

    assert "detecting in [/x] [2J" in terminal.getvalue()


def test_a_log_line_is_set_above_the_bar_not_through_it() -> None:
    with on_a_terminal() as terminal, progress("looking") as advance:
        advance(1, 2)
        logging.getLogger("groundcast").warning("a camera is lost")
        advance(2, 2)

    before, _, after = terminal.getvalue().partition("a camera is lost")
    assert ERASE_LINE in before.rpartition("looking")[2]  # the bar is taken away, and drawn anew below
    assert "looking" in after


def test_what_takes_long_is_said_at_once() -> None:
    with on_a_terminal() as terminal, busy("loading tabletop [/x]"):
        assert eventually(lambda: "loading tabletop [/x]" in terminal.getvalue())


def test_the_bar_of_a_training_moves_with_each_step_and_says_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [100.0]
    monkeypatch.setattr("groundcast.launch.train.progress.time.monotonic", lambda: now_s[0])
    with on_a_terminal() as terminal, TrainingProgress(300, pictures=80) as shown:
        for done in (0, 201, 202, 203):  # a training that was gone on with
            shown.step(done)
            now_s[0] += 40.0  # too seldom for rich's own estimate
        assert shown._bar is not None
        shown._bar.refresh()
        shown(Progress(225, 1.5, {}, 1e-4, 40.0))
        shown._bar.refresh()

    text = terminal.getvalue()
    assert "0/300" in text
    assert "203/300" in text
    assert "1:04:40 left" in text
    assert "225/300" in text
    assert "loss 1.50, 2.0 pictures/s, " in text
    assert "-:--:--" not in text


def test_a_stage_is_named_in_the_bar_and_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with on_a_terminal() as terminal, TrainingProgress(9, pictures=80, stage="crop") as shown:
        shown(Progress(2, 1.5, {}, 1e-4, 0.5))
        assert shown._bar is not None
        shown._bar.refresh()
    with TrainingProgress(9, pictures=80, stage="crop") as shown:
        shown(Progress(2, 1.5, {}, 1e-4, 0.5))

    assert "crop loss 1.50, 160.0 pictures/s" in terminal.getvalue()
    assert capsys.readouterr().err.startswith("crop step 2/9: loss 1.50, 0.50 s a step, 160.0 pictures/s, ")


def test_elsewhere_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("looking") as advance:
        advance(1, 2)

    assert capsys.readouterr() == ("", "")
