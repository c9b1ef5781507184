"""Node API: the commands of a running node and its status, for the control socket, for signals and for programs.

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
"""Returns a source's new options, given its present ones. It has no side effect, and may be called twice."""

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
    """The node refuses a command; nothing has changed.

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
    """Phrases that one client has leased.

    Args:
        id: names the lease; hard to guess.
        seconds_left: until it ends unless it is renewed.
        applied: the change to the prompts.
    """

    id: str
    seconds_left: float
    applied: Applied


@dataclass(frozen=True, slots=True)
class LeaseInfo:
    """A lease as the status reports it, without the id, with which other clients could end it."""

    client: str
    phrases: tuple[str, ...]
    source: str | None
    seconds_left: float


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The state of a node and its sources.

    Args:
        node, epoch: its name and its start, unix ns.
        model: that the detector runs.
        prompt_version: the newest.
        prompts: of each source, leases included.
        sources: the status of each, in order.
        paused: the sources that are paused.
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
    """The user of a client: what stands before '/', or the whole where there is no '/'."""
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
        """When the loop last began a pass, monotonic ns; 0 before the first. If that is seconds ago, the node hangs."""
        ...

    @property
    def leases_in_force(self) -> Collection[str]:
        """The ids of the leases in force; never waits for the loop."""
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
        """Set the prompt of one source, or of all that have none of their own.

        With `everywhere` of all: those that had one of their own lose it.
        Leases that no longer fit beside the prompt end, the newest first.
        With `if_version` only while that is the newest version, so that a client overwrites no change it has not seen.
        """
        ...

    def set_thresholds(
        self, thresholds: Mapping[str, float], source: str | None = None, if_version: int | None = None
    ) -> Applied:
        """Change the minimum scores of phrases in the prompt, by name."""
        ...

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None = None,
        lease: str | None = None,
    ) -> Lease:
        """Lease phrases, beside the prompt and other leases; with `lease`, renew that one, with these phrases."""
        ...

    def release(self, lease: str, client: str | None = None) -> Applied:
        """End a lease before its time; with `client` only if that renewed it last. An unknown lease is no error."""
        ...

    def add_source(self, options: SourceOptions, client: str = "") -> Applied:
        """Add a source; `client` adds it, "" for the settings."""
        ...

    def update_source(self, name: str, change: SourceChange, client: str = "") -> Applied:
        """Read a source with other options; it is connected anew only if they need that.

        The loop gives `change` the newest options, so that two clients do not undo each other's updates.
        """
        ...

    def remove_source(self, name: str, generation: int | None = None) -> Applied:
        """Remove a source; with `generation` only that one of its name. Leases for it alone end."""
        ...

    def reset_tracks(self, source: str | None = None) -> Applied: ...
    def pause(self, source: str | None = None) -> Applied: ...
    def resume(self, source: str | None = None) -> Applied: ...

    def request_picture(self, source: str, timeout_s: float) -> PictureRequest:
        """Ask for the next picture of a source. The future raises CommandError not_ready when none comes in time."""
        ...
