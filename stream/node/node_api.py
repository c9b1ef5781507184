"""What a running node can be told, and what it says of itself: by the control socket, by a signal, by a program.

Every command may be called from any thread; the node's loop carries it out between two frames.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ...model.prompt import Phrase, Prompt
from ..options import SourceOptions
from ..wire.message_types import DetectionMessage, ModelInfo, StatusMessage

SourceChange = Callable[[SourceOptions], SourceOptions]
"""Gives the options that a source shall have, from those that it has. It changes nothing, and may be called twice."""

Refusal = Literal[
    "bad_request",
    "bad_prompt",
    "bad_source",
    "unknown_source",
    "unknown_lease",
    "name_taken",
    "version_conflict",
    "too_many",
    "not_ready",
    "stopped",
]


class CommandError(ValueError):
    """A command that the node refuses, and after which nothing has changed.

    Args:
        code: for programs.
        text: one sentence: what, where, what to do.
    """

    def __init__(self, code: Refusal, text: str) -> None:
        super().__init__(text)
        self.code: Refusal = code


@dataclass(frozen=True, slots=True)
class Applied:
    """A command that was carried out.

    Args:
        prompt_version: in force from now on.
        first_seq: of each source concerned, the first message that can show the change, as (generation, seq).
    """

    prompt_version: int
    first_seq: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Lease:
    """Phrases that one client asked for, for a time.

    Args:
        id: names the lease; hard to guess.
        seconds_left: until it ends unless it is asked for again.
        applied: the change that it made.
    """

    id: str
    seconds_left: float
    applied: Applied


@dataclass(frozen=True, slots=True)
class LeaseInfo:
    """A lease as the node's status tells of it, without what would let others end it."""

    client: str
    phrases: tuple[str, ...]
    source: str | None
    seconds_left: float


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How a node is doing.

    Args:
        node, epoch: its name and its start, unix ns.
        model: which answers.
        prompt_version: the newest.
        prompts: what each source is asked now, leases included.
        sources: the status of each, in order.
        paused: sources that wait until they are resumed.
        leases: in force.
        unsent: messages and pictures that were never handed to the socket.
        rejected_connections: at the publisher's socket, counted by reason; empty without keys.
        options: how each source is read, in the same order; its URL brings its secrets.
    """

    node: str
    epoch: int
    model: ModelInfo
    prompt_version: int
    prompts: Mapping[str, Prompt]
    sources: tuple[StatusMessage, ...]
    paused: tuple[str, ...]
    leases: tuple[LeaseInfo, ...]
    unsent: int
    rejected_connections: Mapping[str, int] = field(default_factory=dict[str, int])
    options: tuple[SourceOptions, ...] = ()


def user_of(client: str) -> str:
    """Whose connection a client is: what stands before '/', or the connection itself."""
    return client.partition("/")[0]


class PictureShot(Protocol):
    """A picture, and the message that belongs to it."""

    @property
    def message(self) -> DetectionMessage: ...

    def jpeg(self) -> bytes:
        """The picture as JPEG, made where this is called."""
        ...


PictureRequest = Future[PictureShot]


class NodeApi(Protocol):
    """A node that runs. Every method but `status` raises CommandError."""

    @property
    def last_loop_ns(self) -> int:
        """When the loop last turned, monotonic ns; 0 before it runs. Seconds ago means that the node hangs."""
        ...

    @property
    def leases_in_force(self) -> Collection[str]:
        """The ids of those that are neither over nor ended; never waits for the loop."""
        ...

    def status(self) -> NodeStatus: ...

    def set_prompt(
        self,
        prompt: Prompt,
        source: str | None = None,
        if_version: int | None = None,
        *,
        everywhere: bool = False,
    ) -> Applied:
        """Ask for something else: of one source, or of all that have no prompt of their own.

        With `everywhere` of all: those that had one of their own lose it.
        The prompt comes first: leases that it leaves no room for end, the newest first.
        With `if_version` only while that is the newest version, so that nobody overwrites what he has not seen.
        """
        ...

    def set_thresholds(
        self, thresholds: Mapping[str, float], source: str | None = None, if_version: int | None = None
    ) -> Applied:
        """Change the least scores of phrases that are asked for, by name."""
        ...

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None = None,
        lease: str | None = None,
    ) -> Lease:
        """Add phrases for a time, to what all others ask for; with `lease`, for longer, or other phrases instead."""
        ...

    def release(self, lease: str, client: str | None = None) -> Applied:
        """End a lease before its time; with `client` only if it asked last. One that is not there is no error."""
        ...

    def add_source(self, options: SourceOptions, client: str = "") -> Applied:
        """Read one more source; `client` is who asks, "" for the settings."""
        ...

    def update_source(self, name: str, change: SourceChange, client: str = "") -> Applied:
        """Read a source with other options. What needs no new connection makes none.

        `change` is given the newest options by the loop, so that of two clients neither undoes what the other did.
        """
        ...

    def remove_source(self, name: str, generation: int | None = None) -> Applied:
        """Read a source no more; with `generation` only that one of its name. Leases for it alone end."""
        ...

    def reset_tracks(self, source: str | None = None) -> Applied: ...
    def pause(self, source: str | None = None) -> Applied: ...
    def resume(self, source: str | None = None) -> Applied: ...

    def request_picture(self, source: str, timeout_s: float) -> PictureRequest:
        """Ask for the next picture of a source. The future raises CommandError not_ready when none comes in time."""
        ...
