"""One frame on its way through the detector."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..model.detections import Detections
from ..model.prompt import Prompt
from .frame import Frame
from .stream_detector import StreamDetector


class PipelineError(RuntimeError):
    """The node cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and the version under which messages name it."""

    prompt: Prompt
    version: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the detector said of one frame.

    Args:
        frame: the frame; dropped: how many of its source were passed over just before it.
        question: what the detector was asked.
        detections: what it found.
        submitted_ns, answered_ns: monotonic.
    """

    frame: Frame
    dropped: int
    question: Question
    detections: Detections
    submitted_ns: int
    answered_ns: int


class Flight:
    """Submits a frame at once and notes when the detector is done with it.

    Args:
        frame, dropped, question: as in `Answer`.
        detector: whom to ask.
        wake: called, from any thread, when the answer is there.

    Raises:
        PipelineError: the detector does not take it.
    """

    def __init__(
        self, frame: Frame, dropped: int, question: Question, detector: StreamDetector, wake: Callable[[], None]
    ) -> None:
        self.frame = frame
        self._dropped = dropped
        self._question = question
        self._wake = wake
        self._answered_ns: int | None = None
        self._submitted_ns = time.monotonic_ns()
        try:
            self._ticket = detector.submit([frame.image], [question.prompt], self._land)
        except Exception as error:  # a detector may raise anything, and the node ends with its reason
            raise self._failure(error) from error

    def landed(self) -> bool:
        return self._ticket.done()

    def answer(self) -> Answer:
        """What came back, once it has landed.

        Raises:
            PipelineError: the detector failed.
        """
        try:
            (detections,) = self._ticket.wait()
        except Exception as error:  # as above
            raise self._failure(error) from error
        answered_ns = self._answered_ns or time.monotonic_ns()
        return Answer(self.frame, self._dropped, self._question, detections, self._submitted_ns, answered_ns)

    def cancel(self) -> None:
        self._ticket.cancel()

    def _land(self) -> None:
        self._answered_ns = time.monotonic_ns()
        self._wake()

    def _failure(self, error: Exception) -> PipelineError:
        where = f"frame {self.frame.index} of source {self.frame.source}"
        return PipelineError(f"the detector failed on {where}: {type(error).__name__}: {error}")
