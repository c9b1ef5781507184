"""The node's one loop: frames in, messages out.

    reader -> newest frame -> detector -> tracker -> message -> publisher

A live source's newest frame is taken as late as possible, and a result leaves as soon as it is there. The detector
is given its next frames before the last results are tracked and sent, so that it never idles. Between two frames the
loop does what it is told: sources come and go, and are asked for something else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..model.prompt import Prompt
from .clock import Clock
from .detector_protocol import StreamDetector, Ticket
from .node.batch_window import BatchWindow
from .node.commands import Commanded
from .node.inference import FrameQuery, FrameResult, InferenceBatch, PipelineError
from .node.source_counters import SourceSummary
from .node.source_session import SourceSession
from .options import NodeOptions
from .publish.publisher import Publisher
from .wire.message_types import DetectionMessage

__all__ = ["NodeSummary", "Pipeline", "PipelineError", "SourceSummary", "StreamDetector", "Ticket"]

_LOOK_EVERY_S = 0.1  # for a stop, and for states that nobody wakes us for
_READERS_END_WITHIN_S = 0.5


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """What a node did between its start and its end. Sources that were removed meanwhile are not in it."""

    sources: tuple[SourceSummary, ...]


class _Flying(NamedTuple):
    """A flight, and the source of each frame in it."""

    lines: tuple[SourceSession, ...]
    flight: InferenceBatch


class Pipeline(Commanded):
    """A node's sources, its detector and its publisher, joined; it can be commanded while it runs.

    Whoever made the detector and the publisher closes them.

    Attributes:
        last_loop_ns: when the loop last turned, monotonic ns; 0 before it runs. It turns many times a second, so a node
            whose last turn is seconds old hangs.

    Args:
        options: the node; sources may be added later.
        detector: finds the phrases.
        prompt: what to look for at first.
        publisher: where messages leave.
        on_message: called in the loop with each message that was sent.
        clock: what time it is.

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
        clock: Clock | None = None,
    ) -> None:
        super().__init__(options, detector, prompt, publisher, clock or Clock())
        self._on_message = on_message
        self._flights: list[_Flying] = []  # the oldest first
        self._company = BatchWindow(options.batch_wait_ms / 1e3)
        self._next_heartbeat_s = 0.0
        self.last_loop_ns = 0

    @property
    def oldest_request_ns(self) -> int:
        """Since when the detector owes its oldest answer, monotonic ns; 0 while it owes none. Any thread may ask."""
        return next((one.flight.submitted_ns for one in self._flights[:1]), 0)

    def run(self, stop: threading.Event, *, stays: bool = False) -> NodeSummary:
        """Run until `stop` is set or every source has ended; then every reader has been stopped.

        A node that was told to add or remove a source ends by `stop` alone: there may be more to add.

        Args:
            stop: ends the run.
            stays: so does this one, from the beginning.

        Raises:
            PipelineError: the detector failed.
            PublisherError: the socket failed.
        """

        def turn() -> bool:
            self.last_loop_ns = time.monotonic_ns()
            return stop.is_set()

        self._publisher.wait_for_subscriber(self._options.publisher.wait_for_subscriber_s, turn)
        self._stays = self._stays or stays
        failure: str | None = None
        try:
            self._start()
            while not turn():
                self._wake.clear()
                patience_s = self._work()
                if not self._stays and all(line.finished for line in self._lineup):
                    break
                self._wake.wait(patience_s)
        except Exception as error:
            failure = str(error)
            raise
        finally:
            self._end(failure)
        return NodeSummary(tuple(line.summary() for line in self._lineup))

    def _start(self) -> None:
        self._queue.begin()
        self._is_running = True
        for line in self._lineup:
            line.start()

    def _work(self) -> float:
        """Do all there is to do; returns after how many seconds to look again if nobody wakes us."""
        self._queue.carry_out()
        self._questions.expire(self._now_s())
        self._pictures.expire(time.monotonic())
        landed = self._land()
        patience_s = self._submit_newest()
        for lines, flight in landed:
            for line, answer in zip(lines, flight.results(), strict=True):
                if not line.ended:
                    self._publish(line, answer)
        self._tell()
        return patience_s

    def _land(self) -> list[_Flying]:
        """The flights that are done. Those of one source land in the order in which they began."""
        landed: list[_Flying] = []
        still_flying: list[_Flying] = []
        busy: set[SourceSession] = set()
        for one in self._flights:
            if one.flight.done() and busy.isdisjoint(one.lines):
                landed.append(one)
            else:
                still_flying.append(one)
                busy.update(one.lines)
        self._flights = still_flying
        return landed

    def _submit_newest(self) -> float:
        """Keep the detector busy; returns after how many seconds to look again if nobody wakes us."""
        while True:
            waiting, most = self._lineup.waiting(), self._detector.batch  # which may shrink where memory is short
            coming = self._lineup.expected(self._company.max_wait_s) if 0 < len(waiting) < most else 0
            wait_s = self._company.wait_s(len(waiting), most, coming, time.monotonic())
            if wait_s is None or len(self._flights) >= self._detector.depth:
                return _LOOK_EVERY_S
            if wait_s > 0.0:
                return min(wait_s, _LOOK_EVERY_S)
            if not self._submit(waiting[:most]):
                return 0.0

    def _submit(self, lines: Sequence[SourceSession]) -> bool:
        """Ask about one frame of each of these sources; false if none of them had one to look at."""
        takers: list[SourceSession] = []
        looks: list[FrameQuery] = []
        for line in lines:
            self._lineup.move_to_end(line)
            if (look := line.take(self._questions.of(line.name))) is not None:
                takers.append(line)
                looks.append(look)
        self._company.restart()
        if looks:
            self._flights.append(_Flying(tuple(takers), InferenceBatch(looks, self._detector, self._wake.set)))
        return bool(looks)

    def _publish(self, line: SourceSession, answer: FrameResult) -> None:
        message, frame = line.message(answer), answer.query.frame
        self._publisher.send_detections(message)
        self._pictures.give(line.name, frame, message)
        if self._on_message is not None:
            self._on_message(message)
        if not line.ended and self._publisher.wants_pictures(line.name):  # after the message, which must not wait
            self._picture_sender.send(message, frame.image)

    def _tell(self) -> None:
        """Say how the sources are doing: at each change of state, and at each heartbeat."""
        now_s = time.monotonic()
        is_heartbeat = now_s >= self._next_heartbeat_s
        if is_heartbeat:
            self._next_heartbeat_s = now_s + self._options.heartbeat_s
        for line in self._lineup:
            version = self._questions.of(line.name).version
            status = line.status_to_send(version) if is_heartbeat else line.changed_status(version)
            if status is not None:
                self._publisher.send_status(status)

    def _end(self, failure: str | None) -> None:
        self._stop_commands()
        self._picture_sender.close()
        for one in self._flights:
            one.flight.cancel()
        self._flights.clear()
        why, state = (failure, "failed") if failure else ("the node was stopped", "ended")
        for line in self._lineup:  # all are told before one is waited for
            line.end(0.0, why, state)
        deadline_s = time.monotonic() + _READERS_END_WITHIN_S
        for line in self._lineup:
            line.end(max(0.0, deadline_s - time.monotonic()), why, state)
        for line in self._lineup:
            if status := line.changed_status(self._questions.of(line.name).version):
                self._publisher.send_status(status)
