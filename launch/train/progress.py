"""Progress of a training on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ..log_setup import log_console
from ..memory import memory_text

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from ...model.training.trainer import Progress

_BAR_COLUMNS = 12  # as wide as leaves room for the facts in 80


class TrainingProgress:
    """Call it with each point of the curve. Picklable until then, since workers are processes.

    Args:
        steps: of the whole training.
        pictures: how many all workers learn from in a step; None where that varies.
        stage: what comes before the word "step"; "" for the only or the main stage.
    """

    def __init__(self, steps: int, pictures: int | None = None, stage: str = "") -> None:
        self._steps, self._pictures, self._stage = steps, pictures, stage
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._from: tuple[int, float] | None = None  # the first step that was done here, and when

    def __call__(self, progress: Progress) -> None:
        pace_s = max(progress.seconds_per_step, 1e-9)
        rates = [f"{pace_s:.2f} s a step"]
        if self._pictures is not None:
            rates.append(f"{self._pictures / pace_s:.1f} pictures/s")
        left_s = (self._steps - progress.step) * progress.seconds_per_step
        if not self._is_on_terminal:
            facts = ", ".join([f"loss {progress.loss:.2f}", *rates, memory_text()])
            step = f"{self._stage} step".lstrip()
            print(f"{step} {progress.step}/{self._steps}: {facts}, {left_s / 60:.0f} min left", file=sys.stderr)
            return
        loss = f"{self._stage} loss {progress.loss:.2f}".lstrip()
        facts = ", ".join([loss, rates[-1], memory_text()])  # more would not fit in 80 columns
        self._show(completed=progress.step, description=facts, left=_left(left_s))

    def step(self, done: int) -> None:
        """Move the bar, on a terminal, to a step that is done; 0 shows it before the first one is."""
        if not self._is_on_terminal:
            return
        self._show(completed=done)
        if done > 0 and self._from is None:
            self._from = done, time.monotonic()
        elif self._from is not None:
            first, since_s = self._from
            pace_s = (time.monotonic() - since_s) / (done - first)
            self._show(left=_left((self._steps - done) * pace_s))

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the terminal; a worker may have ended without doing so."""
        if self._bar is not None:
            self._bar.stop()
        elif self._is_on_terminal:
            log_console().show_cursor()

    def say(self, text: str) -> None:
        """One line, above the bar where there is one."""
        if self._bar is None:
            print(text, file=sys.stderr)
        else:
            self._bar.console.print(text, markup=False)

    @property
    def _is_on_terminal(self) -> bool:
        return self._bar is not None or sys.stderr.isatty()  # which a bar replaces by what says that it is none

    def _show(self, **fields: object) -> None:
        if self._bar is None or self._task is None:  # not in __init__: a bar does not travel between processes
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            words = (TextColumn("{task.fields[left]}"), TextColumn("{task.description}"))
            self._bar = Bar(
                BarColumn(_BAR_COLUMNS), MofNCompleteColumn(), TimeElapsedColumn(), *words, console=log_console()
            )
            self._task = self._bar.add_task(self._stage, total=self._steps, left="")
            self._bar.start()
        self._bar.update(self._task, **fields)  # pyright: ignore[reportArgumentType]  what it knows, and our own


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left"
