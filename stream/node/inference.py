"""Frames on their way through the detector, together in one ticket."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...model.detections import Detections
from ...model.query import Query
from ..detector_protocol import StreamDetector
from ..frame import Frame
from .prompt_state import VersionedPrompt
from .roi import Area, cut_out, put_back


class PipelineError(RuntimeError):
    """The node cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class FrameQuery:
    """One frame, and how it is to be looked at.

    Args:
        frame: the frame; dropped: how many of its source were passed over just before it.
        question: what the detector is asked.
        area: the part of the picture that it is shown, None for all of it.
        size_px: the short side of the network's input, None for the detector's own.
    """

    frame: Frame
    dropped: int
    question: VersionedPrompt
    area: Area | None = None
    size_px: int | None = None


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What the detector said of one frame.

    Args:
        look: what it was asked.
        detections: what it found, in px of the original picture.
        submitted_ns, answered_ns: monotonic.
    """

    look: FrameQuery
    detections: Detections
    submitted_ns: int
    answered_ns: int


class InferenceBatch:
    """Submits frames at once and notes when the detector is done with them.

    Args:
        looks: one a source.
        detector: whom to ask.
        wake: called, from any thread, when the answers are there.

    Raises:
        PipelineError: the detector does not take them.
    """

    def __init__(self, looks: Sequence[FrameQuery], detector: StreamDetector, wake: Callable[[], None]) -> None:
        self._looks = looks
        self._wake = wake
        self._answered_ns: int | None = None
        self.submitted_ns = time.monotonic_ns()
        queries = [Query(cut_out(look.frame.image, look.area), look.question.prompt, look.size_px) for look in looks]
        try:
            self._ticket = detector.submit(queries, self._land)
        except Exception as error:  # a detector may raise anything, and the node ends with its reason
            raise self._failure(error) from error

    def landed(self) -> bool:
        return self._ticket.done()

    def answers(self) -> list[FrameResult]:
        """What came back, one a frame and in order, once it has landed.

        Raises:
            PipelineError: the detector failed.
        """
        try:
            found = self._ticket.wait()
        except Exception as error:  # as above
            raise self._failure(error) from error
        answered_ns = self._answered_ns or time.monotonic_ns()
        return [
            FrameResult(look, put_back(detections, look.area), self.submitted_ns, answered_ns)
            for look, detections in zip(self._looks, found, strict=True)
        ]

    def cancel(self) -> None:
        self._ticket.cancel()

    def _land(self) -> None:
        self._answered_ns = time.monotonic_ns()
        self._wake()

    def _failure(self, error: Exception) -> PipelineError:
        where = " and ".join(f"frame {look.frame.index} of source {look.frame.source}" for look in self._looks)
        return PipelineError(f"the detector failed on {where}: {type(error).__name__}: {error}")
