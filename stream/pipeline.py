"""Pipeline: the node's loop, from frames to messages.

    reader -> newest frame -> detector -> tracker -> message -> publisher

The loop takes a live source's newest frame as late as possible, and sends a result as soon as it is there. It gives
the detector the next frames before it tracks and sends the last results, so that the detector is never idle. Between
two frames it carries out the commands that other threads have queued.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..model.prompt import Prompt
from .clock import Clock
from .detector_protocol import StreamDetector
from .mask_protocol import StreamMasker
from .node.batch_window import BatchWindow
from .node.commands import NodeCommands
from .node.inference import FrameQuery, FrameResult, InferenceBatch, PipelineError
from .node.node_api import CommandError
from .node.node_state import NodeState, SubmittedBatch
from .node.source_counters import SourceSummary
from .node.source_session import SourceSession
from .options import NodeOptions
from .publish.publisher import Publisher
from .wire.message_types import DetectionMessage

__all__ = ["NodeSummary", "Pipeline", "PipelineError"]

_MAX_SLEEP_S = 0.1  # a stop, and some changes of state, wake no thread
_POSE_LOOK_S = 0.002  # while a result waits for a pose
_READERS_END_WITHIN_S = 0.5


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """What a node did between its start and its end, without the sources that were removed meanwhile."""

    sources: tuple[SourceSummary, ...]


class Pipeline:
    """A node's sources, its detector and its publisher, joined. The caller closes the detector and the publisher.

    Attributes:
        commands: what other threads may call while the node runs.

    Args:
        options: of the node; sources may be added later.
        detector: finds the phrases.
        prompt: the phrases to find at first.
        publisher: sends the messages.
        on_message: called in the loop with each message that was sent.
        clock: gives the time.
        masker: finds the masks of tracks, for subscribers that ask for them.

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
        masker: StreamMasker | None = None,
    ) -> None:
        self._node = NodeState(options, detector, prompt, publisher, clock or Clock(), masker)
        self.commands = NodeCommands(self._node)
        self._on_message = on_message
        self._batch_window = BatchWindow(options.batch_wait_ms / 1e3)
        self._next_heartbeat_s = 0.0

    def run(self, stop: threading.Event, *, stays: bool = False) -> NodeSummary:
        """Run until `stop` is set or every source has ended; then every reader has been stopped.

        After a command that added or removed a source only `stop` ends the run, since more may be added.

        Args:
            stop: ends the run.
            stays: only `stop` ends the run, from the beginning.

        Raises:
            PipelineError: the detector failed.
            PublisherError: the socket failed.
        """
        node = self._node

        def begin_pass() -> bool:
            node.last_loop_ns = time.monotonic_ns()
            return stop.is_set()

        node.publisher.wait_for_subscriber(node.options.publisher.wait_for_subscriber_s, begin_pass)
        node.runs_until_stopped |= stays
        failure: str | None = None
        try:
            node.command_queue.begin()
            node.start_sources()
            while not begin_pass():
                node.wake.clear()
                sleep_s = self._work()
                if not node.runs_until_stopped and all(session.finished for session in node.sources):
                    break
                node.wake.wait(sleep_s)
        except Exception as error:
            failure = str(error)
            raise
        finally:
            self._end(failure)
        return NodeSummary(tuple(session.summary() for session in node.sources))

    def _work(self) -> float:
        """Do all there is to do; returns how many seconds the loop may sleep if nothing wakes it."""
        node = self._node
        node.command_queue.carry_out()
        node.prompts.expire(node.now_s())
        node.picture_requests.expire(time.monotonic())
        done = self._take_done()
        sleep_s = self._submit_newest()
        for batch in done:
            for session, result in zip(batch.sessions, batch.inference.results(), strict=True):
                if not session.ended:
                    session.held.put(result)
                    self._publish_ready(session)
        for session in node.sources:
            if session.held:
                self._publish_ready(session)
                sleep_s = min(sleep_s, _POSE_LOOK_S)
        self._send_statuses()
        return sleep_s

    def _take_done(self) -> list[SubmittedBatch]:
        """The batches that are done, but none before an earlier one with a frame of the same source."""
        done: list[SubmittedBatch] = []
        pending: list[SubmittedBatch] = []
        busy: set[SourceSession] = set()
        for batch in self._node.batches:
            if batch.inference.done() and busy.isdisjoint(batch.sessions):
                done.append(batch)
            else:
                pending.append(batch)
                busy.update(batch.sessions)
        self._node.batches = pending
        return done

    def _submit_newest(self) -> float:
        """Keep the detector busy; returns how many seconds the loop may sleep if nothing wakes it."""
        sources, detector, window = self._node.sources, self._node.detector, self._batch_window
        while True:
            waiting, max_batch = sources.waiting(), detector.batch  # which may shrink where memory is short
            expected = sources.expected(window.max_wait_s) if 0 < len(waiting) < max_batch else 0
            wait_s = window.wait_s(len(waiting), max_batch, expected, time.monotonic())
            if wait_s is None or len(self._node.batches) >= detector.depth:
                return _MAX_SLEEP_S
            if wait_s > 0.0:
                return min(wait_s, _MAX_SLEEP_S)
            if not self._submit(waiting[:max_batch]):
                return 0.0

    def _submit(self, waiting: Sequence[SourceSession]) -> bool:
        """Submit one frame of each of these sources; false if none of them had one for the detector."""
        node = self._node
        sessions: list[SourceSession] = []
        queries: list[FrameQuery] = []
        for session in waiting:
            node.sources.move_to_end(session)
            if (query := session.take(node.prompts.of(session.name))) is not None:
                sessions.append(session)
                queries.append(query)
        self._batch_window.restart()
        if queries:
            inference = InferenceBatch(queries, node.detector, node.wake.set)
            node.batches.append(SubmittedBatch(tuple(sessions), inference))
        return bool(queries)

    def _publish_ready(self, session: SourceSession) -> None:
        """Publish the results that wait no longer for a pose."""
        while (result := session.held.take(session.options.camera_latency_ms)) is not None:
            self._publish(session, result)

    def _publish(self, session: SourceSession, result: FrameResult) -> None:
        node, message, frame = self._node, session.message(result), result.query.frame
        node.publisher.send_detections(message)
        if not session.ended:
            session.send_events(frame)
        node.picture_requests.answer(session.name, frame, message)
        if self._on_message is not None:
            self._on_message(message)
        if not session.ended and node.publisher.wants_pictures(session.name):  # after the message, which must not wait
            node.picture_sender.send(message, frame.image)
        if not session.ended and node.publisher.wants_masks(session.name):
            node.mask_sender.send(message, frame.image)

    def _send_statuses(self) -> None:
        """Send each source's status at each change of its state, and at each heartbeat."""
        node, now_s = self._node, time.monotonic()
        is_heartbeat = now_s >= self._next_heartbeat_s
        if is_heartbeat:
            self._next_heartbeat_s = now_s + node.options.heartbeat_s
        for session in node.sources:
            session.end_events()
            version = node.prompt_version(session)
            status = session.status_to_send(version) if is_heartbeat else session.changed_status(version)
            if status is not None:
                node.publisher.send_status(status)

    def _end(self, failure: str | None) -> None:
        node = self._node
        node.command_queue.end()
        node.picture_requests.refuse_all(CommandError("stopped", "the node has ended"))
        node.picture_sender.close()
        node.mask_sender.close()
        for batch in node.batches:
            batch.inference.cancel()
        node.batches = []
        why, state = (failure, "failed") if failure else ("the node was stopped", "ended")
        node.end_all_sources(why, state, _READERS_END_WITHIN_S)
