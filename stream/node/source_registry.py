"""The sources of a node: which there are, and whose turn it is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ..options import MAX_SOURCES, SourceOptions
from .node_api import CommandError
from .source_session import SourceSession

MAX_LINGERING, MAX_LINGERING_OF_USER = 256, 32  # threads and connections of sources that are gone
_MAX_REMEMBERED = 1000


class SourceRegistry:
    """Holds the lines of all sources, in the order in which they were added. The loop changes it, any thread reads.

    Args:
        make: makes the line of a source, given its generation.
        options: the first sources.
    """

    def __init__(self, make: Callable[[SourceOptions, int], SourceSession], options: Iterable[SourceOptions]) -> None:
        self._make = make
        self._generations = _Generations()
        self._lines: dict[str, SourceSession] = {}  # replaced at each change, for those who read it meanwhile
        self._turns: deque[SourceSession] = deque()
        self._gone: list[SourceSession] = []
        for one in options:
            self.put(one)

    def __iter__(self) -> Iterator[SourceSession]:
        return iter(self._lines.values())

    def find(self, name: str) -> SourceSession:
        """The line of a source; raises CommandError where there is none."""
        line = self._lines.get(name)
        if line is None:
            known = ", ".join(self._lines) or "none"
            raise CommandError("unknown_source", f"there is no source {name!r}: name one of those there are ({known})")
        return line

    def chosen(self, name: str | None) -> tuple[SourceSession, ...]:
        """The line of a source, or all."""
        return tuple(self) if name is None else (self.find(name),)

    def must_have_room(self, name: str, user: str) -> None:
        """Raise CommandError where there is a source of that name, or as many as there may be."""
        self.must_linger_no_more(user)
        if name in self._lines:
            raise CommandError("name_taken", f"there is a source {name!r} already: remove it first, or update it")
        if len(self._lines) >= MAX_SOURCES:
            raise CommandError("too_many", f"there are {MAX_SOURCES} sources, which is the most: remove one first")

    def must_linger_no_more(self, user: str) -> None:
        """Raise CommandError where too many sources that are gone wait for silent cameras; "" may leave them all."""
        self._forget_ended()
        own = sum(line.user == user for line in self._gone)
        if len(self._gone) >= MAX_LINGERING or (user and own >= MAX_LINGERING_OF_USER):
            text = f"{len(self._gone)} sources that are gone still wait for silent cameras"
            raise CommandError("too_many", f"{text}: try again when their time limits are over")

    def put(self, options: SourceOptions, user: str = "") -> SourceSession:
        """A new line: behind all others, or in the place of the one that has its name; `user` asked for it."""
        if (before := self._lines.get(options.name)) is not None:
            self._turns.remove(before)
            self._forget_ended()
            self._gone.append(before)
        line = self._make(options, self._generations.next(options.name))
        line.user = user
        self._lines = {**self._lines, options.name: line}
        self._turns.append(line)
        return line

    def remove(self, name: str) -> None:
        """Take a line out."""
        line = self.find(name)
        self._turns.remove(line)
        self._forget_ended()
        self._gone.append(line)
        self._lines = {other: line for other, line in self._lines.items() if other != name}

    def waiting(self) -> list[SourceSession]:
        """The lines that have a frame to take, in their turn."""
        return [line for line in self._turns if line.is_waiting]

    def coming(self, within_s: float) -> int:
        """How many lines have no frame to take, but are likely to have one so soon."""
        now_ns = time.monotonic_ns()
        return sum(line.expects(within_s, now_ns) for line in self._turns)

    def had_its_turn(self, line: SourceSession) -> None:
        """Put a line behind all others."""
        self._turns.remove(line)
        self._turns.append(line)

    def _forget_ended(self) -> None:
        self._gone = [line for line in self._gone if line.lingers]


class _Generations:
    """Counts how often each name came. What is known of names that came long ago is kept as one number for all."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._highest_forgotten = 0

    def next(self, name: str) -> int:
        """1 for a new name, and more than ever before for one that came already."""
        generation = self._last.pop(name, self._highest_forgotten) + 1
        self._last[name] = generation
        if len(self._last) > _MAX_REMEMBERED:
            forgotten = self._last.pop(next(iter(self._last)))
            self._highest_forgotten = max(self._highest_forgotten, forgotten)
        return generation
