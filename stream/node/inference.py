"""Inference batch: frames that are submitted to the detector in one ticket."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...model.detections import Detections
from ...model.query import Query
from ..detector_protocol import StreamDetector
from ..frame import Frame
from .prompt_state import VersionedPrompt
from .roi import Area, crop, uncrop


class PipelineError(RuntimeError):
    """The node cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class FrameQuery:
    """One frame, and what to detect in it.

    Args:
        frame: the frame; dropped: how many frames of its source were skipped just before it.
        prompt: the phrases to find, and their version.
        area: the part of the picture that the detector gets, None for all of it.
        size_px: the short side of the network's input, None for the detector's own.
    """

    frame: Frame
    dropped: int
    prompt: VersionedPrompt
    area: Area | None = None
    size_px: int | None = None


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The detections of one frame.

    Args:
        query: the frame and what to detect in it.
        detections: in px of the original picture.
        submitted_ns, done_ns: when the detector got the frame and when it was done with it, monotonic.
    """

    query: FrameQuery
    detections: Detections
    submitted_ns: int
    done_ns: int


class InferenceBatch:
    """Submits frames when it is made, and notes when the detector is done with them.

    Args:
        queries: one a source.
        detector: gets the frames.
        wake: called, from any thread, when the detections are there.

    Raises:
        PipelineError: the detector does not take them.
    """

    def __init__(self, queries: Sequence[FrameQuery], detector: StreamDetector, wake: Callable[[], None]) -> None:
        self._queries = queries
        self._wake = wake
        self._done_ns: int | None = None
        self.submitted_ns = time.monotonic_ns()
        submitted = [Query(crop(one.frame.image, one.area), one.prompt.prompt, one.size_px) for one in queries]
        try:
            self._ticket = detector.submit(submitted, self._on_done)
        except Exception as error:  # a detector may raise anything, and the node ends with its reason
            raise self._failure(error) from error

    def done(self) -> bool:
        """Whether `results` returns, or raises, at once."""
        return self._ticket.done()

    def results(self) -> list[FrameResult]:
        """One result a frame, in order; waits until the detector is done.

        Raises:
            PipelineError: the detector failed.
        """
        try:
            found = self._ticket.wait()
        except Exception as error:  # as above
            raise self._failure(error) from error
        done_ns = self._done_ns or time.monotonic_ns()
        return [
            FrameResult(query, uncrop(detections, query.area), self.submitted_ns, done_ns)
            for query, detections in zip(self._queries, found, strict=True)
        ]

    def cancel(self) -> None:
        self._ticket.cancel()

    def _on_done(self) -> None:
        self._done_ns = time.monotonic_ns()
        self._wake()

    def _failure(self, error: Exception) -> PipelineError:
        where = " and ".join(f"frame {query.frame.index} of source {query.frame.source}" for query in self._queries)
        return PipelineError(f"the detector failed on {where}: {type(error).__name__}: {error}")
