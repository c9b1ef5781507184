"""Detector protocol: what the pipeline needs of a detector, so that tests run without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..model.detections import Detections, DetectorInfo
from ..model.prompt import Prompt
from ..model.query import Query


class Ticket(Protocol):
    """The result of one `submit`, now or later."""

    def done(self) -> bool:
        """True once `wait` returns, or raises, at once."""
        ...

    def wait(self, timeout_s: float | None = None) -> list[Detections]:
        """One `Detections` a picture, in order; raises what the detector raised."""
        ...

    def cancel(self) -> bool:
        """True if the work had not begun; then it never will."""
        ...


class StreamDetector(Protocol):
    """Finds phrases in pictures, in its own threads or on a device. Tickets begin first in, first out."""

    @property
    def info(self) -> DetectorInfo: ...

    @property
    def depth(self) -> int:
        """How many tickets are of use in flight: 1 where each takes the whole machine."""
        ...

    @property
    def batch(self) -> int:
        """How many pictures are of use in one ticket: 1 where a batch is no faster."""
        ...

    @property
    def gpu(self) -> int | None:
        """The GPU that takes pictures as a decoder gives them, in its memory or the host's; None takes RGB only."""
        ...

    def check(self, prompt: Prompt) -> None:
        """Raise PromptError for words that the model does not know."""
        ...

    def captions(self, prompt: Prompt) -> int:
        """How many captions a prompt needs; each costs a pass for every picture."""
        ...

    def submit(self, queries: Sequence[Query], on_done: Callable[[], None] | None = None) -> Ticket:
        """Begin to answer the queries, one a picture, and return at once; `on_done` is called from any thread."""
        ...

    def close(self) -> None: ...
