"""The node's one loop: frames in, messages out.

    reader -> newest frame -> detector -> tracker -> message -> publisher

A live source's newest frame is taken as late as possible, and a result leaves as soon as it is there. The detector
is given its next frame before the last result is tracked and sent, so that it never idles.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..model.prompt import Prompt
from .flight import Flight, PipelineError, Question
from .frame import Frame
from .message import DetectionMessage
from .options import NodeOptions
from .publisher import Publisher
from .source_line import SourceLine, SourceSummary
from .stream_detector import StreamDetector, Ticket

__all__ = ["NodeSummary", "Pipeline", "PipelineError", "StreamDetector", "Ticket"]

_LOOK_EVERY_S = 0.1  # for a stop, and for states that nobody wakes us for
_READERS_END_WITHIN_S = 0.5
_A_READER_NEEDS_S = 0.02


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """What a node did between its start and its end."""

    sources: tuple[SourceSummary, ...]


class Pipeline:
    """A node's sources, its detector and its publisher, joined.

    Whoever made the detector and the publisher closes them.

    Attributes:
        turned_ns: when the loop last turned, monotonic ns; 0 before it runs. It turns many times a second, so a node
            whose last turn is seconds old hangs.

    Args:
        options: the node.
        detector: finds the phrases.
        prompt: what to look for at first.
        publisher: where messages leave.
        on_message: called in the loop with each message that was sent.

    Raises:
        PromptError: words that the detector does not know.
    """

    def __init__(
        self,
        options: NodeOptions,
        detector: StreamDetector,
        prompt: Prompt,
        publisher: Publisher,
        on_message: Callable[[DetectionMessage], None] | None = None,
    ) -> None:
        detector.check(prompt)
        self._options = options
        self._detector = detector
        self._publisher = publisher
        self._on_message = on_message
        self._question = Question(prompt, version=1)
        self._asking = threading.Lock()
        self._wake = threading.Event()
        epoch = time.time_ns()
        self._lines = tuple(
            SourceLine(source, options, epoch, detector.info, self._wake.set) for source in options.sources
        )
        self._turns = deque(self._lines)
        self._flights: deque[tuple[SourceLine, Flight]] = deque()  # the oldest first
        self._next_heartbeat_s = 0.0
        self.turned_ns = 0

    def set_prompt(self, prompt: Prompt) -> int:
        """Ask for something else from the next frame on; tracks whose phrase is still asked for go on.

        May be called from any thread while the node runs.

        Returns:
            The version that messages about the new prompt carry.

        Raises:
            PromptError: words that the detector does not know; the old prompt stays.
        """
        self._detector.check(prompt)
        with self._asking:
            self._question = Question(prompt, self._question.version + 1)
            return self._question.version

    def run(self, stop: threading.Event) -> NodeSummary:
        """Run until every source has ended or `stop` is set; then every reader has been stopped.

        Raises:
            PipelineError: the detector failed.
            PublisherError: the socket failed.
        """

        def turn() -> bool:
            self.turned_ns = time.monotonic_ns()
            return stop.is_set()

        self._publisher.wait_for_subscriber(self._options.publisher.wait_for_subscriber_s, turn)
        failure: str | None = None
        try:
            for line in self._lines:
                line.start()
            self._loop(turn)
        except PipelineError as error:
            failure = str(error)
            raise
        finally:
            self._end(failure)
        return NodeSummary(tuple(line.summary() for line in self._lines))

    def _loop(self, is_told_to_stop: Callable[[], bool]) -> None:
        while not is_told_to_stop():
            self._wake.clear()
            landed = self._land()
            self._submit_newest()
            for line, flight in landed:
                self._publish(line, flight)
            self._tell()
            if all(line.over for line in self._lines):
                return
            self._wake.wait(_LOOK_EVERY_S)

    def _land(self) -> list[tuple[SourceLine, Flight]]:
        """The flights that are done, in the order in which they began."""
        landed: list[tuple[SourceLine, Flight]] = []
        while self._flights and self._flights[0][1].landed():
            landed.append(self._flights.popleft())
        return landed

    def _submit_newest(self) -> None:
        """Keep the detector busy, each source in its turn."""
        while len(self._flights) < self._detector.depth and (taken := self._take()):
            line, frame, dropped = taken
            flight = Flight(frame, dropped, self._question, self._detector, self._wake.set)
            self._flights.append((line, flight))

    def _take(self) -> tuple[SourceLine, Frame, int] | None:
        for _ in self._lines:
            line = self._turns[0]
            self._turns.rotate(-1)
            if taken := line.take():
                return line, *taken
        return None

    def _publish(self, line: SourceLine, flight: Flight) -> None:
        message = line.message(flight.answer())
        self._publisher.send_detections(message)
        if self._on_message is not None:
            self._on_message(message)
        if self._publisher.wants_pictures(line.name):  # after the message, which must not wait for it
            belongs_to = {"epoch": message.epoch, "generation": message.generation, "seq": message.seq}
            jpeg = _jpeg(flight.frame.image, self._options.publisher.jpeg_quality)
            self._publisher.send_picture(line.name, belongs_to, jpeg)

    def _tell(self) -> None:
        """Say how the sources are doing: at each change of state, and at each heartbeat."""
        now_s = time.monotonic()
        is_heartbeat = now_s >= self._next_heartbeat_s
        if is_heartbeat:
            self._next_heartbeat_s = now_s + self._options.heartbeat_s
        for line in self._lines:
            version = self._question.version
            status = line.status(version) if is_heartbeat else line.news(version)
            if status is not None:
                self._publisher.send_status(status)

    def _end(self, failure: str | None) -> None:
        for _, flight in self._flights:
            flight.cancel()
        self._flights.clear()
        deadline_s = time.monotonic() + _READERS_END_WITHIN_S
        for line in self._lines:
            line.stop(max(_A_READER_NEEDS_S, deadline_s - time.monotonic()), failure)
        for line in self._lines:
            if status := line.news(self._question.version):
                self._publisher.send_status(status)


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "every RGB picture has a JPEG"
    return encoded.tobytes()
