"""Source registry: the sessions of a node's sources by name, and whose turn it is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from ..options import MAX_SOURCES, SourceOptions
from .node_api import CommandError
from .source_session import SourceSession

MAX_LINGERING, MAX_LINGERING_OF_USER = 256, 32  # threads and connections of sources that were removed
_MAX_REMEMBERED = 1000


class SourceRegistry:
    """Holds the sessions of all sources in the order in which they were added. The loop changes it, any thread reads.

    Args:
        make: makes the session of a source, given its generation.
        options: the first sources.
    """

    def __init__(self, make: Callable[[SourceOptions, int], SourceSession], options: Iterable[SourceOptions]) -> None:
        self._make = make
        self._generations = _Generations()
        self._sessions: dict[str, SourceSession] = {}  # replaced at each change, since other threads read it
        self._turns: deque[SourceSession] = deque()
        self._lingering: list[SourceSession] = []
        for one in options:
            self.put(one)

    def __iter__(self) -> Iterator[SourceSession]:
        return iter(self._sessions.values())

    def find(self, name: str) -> SourceSession:
        """The session of a source; raises CommandError where there is none."""
        session = self._sessions.get(name)
        if session is None:
            known = ", ".join(self._sessions) or "none"
            raise CommandError("unknown_source", f"there is no source {name!r}: name one of those there are ({known})")
        return session

    def select(self, name: str | None) -> tuple[SourceSession, ...]:
        """The session of a source, or all where no name is given."""
        return tuple(self) if name is None else (self.find(name),)

    def check_can_add(self, name: str, user: str) -> None:
        """Raise CommandError if there is a source of that name, or if there are MAX_SOURCES."""
        self.check_lingering(user)
        if name in self._sessions:
            raise CommandError("name_taken", f"there is a source {name!r} already: remove it first, or update it")
        if len(self._sessions) >= MAX_SOURCES:
            raise CommandError("too_many", f"there are {MAX_SOURCES} sources, which is the most: remove one first")

    def check_lingering(self, user: str) -> None:
        """Raise CommandError if too many removed sources still wait for silent cameras, of one user or in all.

        User "" stands for the settings, which have no limit of their own.
        """
        self._forget_finished()
        own = sum(session.user == user for session in self._lingering)
        if len(self._lingering) >= MAX_LINGERING or (user and own >= MAX_LINGERING_OF_USER):
            text = f"{len(self._lingering)} removed sources still wait for silent cameras"
            raise CommandError("too_many", f"{text}: try again when their time limits are over")

    def put(self, options: SourceOptions, user: str = "") -> SourceSession:
        """Make a session: behind all others, or in the place of the one of that name; `user` added it."""
        if (before := self._sessions.get(options.name)) is not None:
            self._turns.remove(before)
            self._forget_finished()
            self._lingering.append(before)
        session = self._make(options, self._generations.next(options.name))
        session.user = user
        self._sessions = {**self._sessions, options.name: session}
        self._turns.append(session)
        return session

    def remove(self, name: str) -> None:
        """Take a session out."""
        session = self.find(name)
        self._turns.remove(session)
        self._forget_finished()
        self._lingering.append(session)
        self._sessions = {other: session for other, session in self._sessions.items() if other != name}

    def waiting(self) -> list[SourceSession]:
        """The sessions that have a frame, in turn."""
        return [session for session in self._turns if session.is_waiting]

    def expected(self, within_s: float) -> int:
        """How many sessions have no frame, but are likely to have one within this time."""
        now_ns = time.monotonic_ns()
        return sum(session.expects(within_s, now_ns) for session in self._turns)

    def move_to_end(self, session: SourceSession) -> None:
        """Let a session's next turn come after all others'."""
        self._turns.remove(session)
        self._turns.append(session)

    def _forget_finished(self) -> None:
        self._lingering = [session for session in self._lingering if session.lingers]


class _Generations:
    """Counts how often each name was added. For the oldest names only their highest count is kept."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._highest_forgotten = 0

    def next(self, name: str) -> int:
        """1 for a new name, and a higher number than ever before for a known one."""
        generation = self._last.pop(name, self._highest_forgotten) + 1
        self._last[name] = generation
        if len(self._last) > _MAX_REMEMBERED:
            forgotten = self._last.pop(next(iter(self._last)))
            self._highest_forgotten = max(self._highest_forgotten, forgotten)
        return generation
