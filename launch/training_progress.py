"""How far a training is: a bar on a terminal, lines elsewhere; on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from ..model.training.trainer import Progress


class TrainingProgress:
    """Call it with each point of the curve. Picklable until then, since workers are processes."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __call__(self, progress: Progress) -> None:
        facts = f"loss {progress.loss:.2f}, {progress.seconds_per_step:.2f} s a step"
        if not sys.stderr.isatty():
            left_min = (self._steps - progress.step) * progress.seconds_per_step / 60
            print(f"step {progress.step}/{self._steps}: {facts}, {left_min:.0f} min left", file=sys.stderr)
            return
        if self._bar is None or self._task is None:  # not in __init__: a bar does not travel between processes
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(facts, total=self._steps)
            self._bar.start()
        self._bar.update(self._task, completed=progress.step, description=facts)

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back, whoever had it: a worker may have ended without doing so."""
        if self._bar is not None:
            self._bar.stop()
        elif sys.stderr.isatty():
            from rich.console import Console

            Console(stderr=True).show_cursor()

    def say(self, text: str) -> None:
        """One line, above the bar where there is one."""
        if self._bar is None:
            print(text, file=sys.stderr)
        else:
            self._bar.console.print(text)
