"""Node state: the sources, the prompts, the queued commands and the submitted batches of one node."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from ...model.prompt import Prompt
from ..clips.clip_recorder import ClipRecorder
from ..clock import Clock
from ..detector_protocol import StreamDetector
from ..geometry.stereo import Sightings
from ..mask_protocol import StreamMasker
from ..options import NodeOptions, SourceOptions
from ..publish.publisher import Publisher
from ..stats import SourceState
from ..tracking.tracker import linker_of
from .command_queue import CommandQueue
from .event_writer import EventWriter
from .inference import InferenceBatch
from .mask_sender import MaskSender
from .picture_requests import PictureRequests
from .picture_sender import PictureSender
from .prompt_state import PromptState
from .source_registry import SourceRegistry
from .source_session import SourceSession

_EVENTS_END_WITHIN_S = 1.0
_CLIPS_END_WITHIN_S = 3.0


class SubmittedBatch(NamedTuple):
    """A batch that is with the detector, and the session of each frame in it."""

    sessions: tuple[SourceSession, ...]
    inference: InferenceBatch


class NodeState:
    """What the loop and the commands of one node share. Once the loop runs, only its thread changes it.

    The caller closes the detector and the publisher.

    Attributes:
        options, detector, publisher, clock: as given.
        wake: set when the loop has something to do.
        command_queue: the commands that wait for the loop.
        prompts: what each source is to find.
        sources: the session of each source.
        batches: with the detector, the oldest first.
        picture_requests: clients that wait for a source's next picture.
        picture_sender: encodes pictures for the subscribers.
        mask_sender: finds masks for the subscribers.
        epoch: the node's start, unix ns.
        is_running: whether the loop has started the readers.
        runs_until_stopped: whether the node goes on when all its sources have ended.
        last_loop_ns: when the loop last began a pass, monotonic ns; 0 before the first.

    Args:
        options: of the node; sources may be added later.
        detector: finds the phrases.
        prompt: the phrases to find at first.
        publisher: sends the messages.
        clock: gives the time.
        masker: finds the masks of tracks, for subscribers that ask for them.

    Raises:
        PromptError: words that the detector does not know.
        EventStoreError: the file of events cannot be opened.
        TrackerError: norfair was chosen and is not installed.
    """

    def __init__(
        self,
        options: NodeOptions,
        detector: StreamDetector,
        prompt: Prompt,
        publisher: Publisher,
        clock: Clock,
        masker: StreamMasker | None = None,
    ) -> None:
        self.options = options
        self.detector = detector
        self.publisher = publisher
        self.clock = clock
        self.wake = threading.Event()
        self.command_queue = CommandQueue(self.wake.set)
        self.picture_requests = PictureRequests(options.publisher.jpeg_quality)
        self.picture_sender = PictureSender(publisher, options.publisher.jpeg_quality)
        self.mask_sender = MaskSender(publisher, masker)
        self.batches: list[SubmittedBatch] = []
        self._event_writer: EventWriter | None = None
        self.clips = None if options.clips is None else ClipRecorder(options.clips)
        self.epoch = clock.unix_ns()
        self.is_running = False
        self.runs_until_stopped = False
        self.last_loop_ns = 0
        for one in (prompt, *(source.prompt for source in options.sources if source.prompt is not None)):
            detector.check(one)
        self.prompts = PromptState(prompt, detector.check, detector.captions)
        self.prompts.start(options.sources)
        self._sightings = Sightings()
        linker_of(options.tracker.kind)  # norfair is imported here, and not when the first source is added
        self.sources = SourceRegistry(self._make_session, options.sources)

    def event_writer(self) -> EventWriter:
        """What stores and sends events; made at the first call, by the first source that has any.

        Raises:
            EventStoreError: the file of events cannot be opened.
        """
        if self._event_writer is None:
            events = self.options.events
            self._event_writer = EventWriter(self.publisher, events.path, events.keep_days, self.wake.set)
        return self._event_writer

    def close_events(self, wait_s: float) -> None:
        """Store and send the events that are queued, for so long at most."""
        if self._event_writer is not None:
            self._event_writer.close(wait_s)

    def now_s(self) -> float:
        """Monotonic, of the node's clock."""
        return self.clock.monotonic_ns() / 1e9

    def prompt_version(self, session: SourceSession) -> int:
        """The version of the prompt that the source's next frame gets."""
        return self.prompts.of(session.name).version

    def start_sources(self) -> None:
        """Start the readers of all sources, and of those that are added from now on."""
        self.is_running = True
        for session in self.sources:
            session.start()

    def begin_source(self, options: SourceOptions, user: str) -> SourceSession:
        """Add a source, or open the one of its name anew, for `user`."""
        session = self.sources.put(options, user)
        if self.is_running:
            session.start()
        return session

    def end_source(self, session: SourceSession, why: str, state: SourceState) -> None:
        """End a source without waiting for its reader, and send its last status once."""
        had_finished = session.finished
        session.end(0.0, why, state)
        if not had_finished:
            self.publisher.send_status(session.status_to_send(self.prompt_version(session)))

    def end_all_sources(self, why: str, state: SourceState, within_s: float) -> None:
        """End every source, wait for the readers for so long in all, and send the last statuses."""
        for session in self.sources:  # every reader is told to stop before one is waited for
            session.end(0.0, why, state)
        deadline_s = time.monotonic() + within_s
        for session in self.sources:
            session.end(max(0.0, deadline_s - time.monotonic()), why, state)
        self.close_events(_EVENTS_END_WITHIN_S)
        if self.clips is not None:
            self.clips.close(_CLIPS_END_WITHIN_S)
        for session in self.sources:
            if status := session.changed_status(self.prompt_version(session)):
                self.publisher.send_status(status)

    def _make_session(self, options: SourceOptions, generation: int) -> SourceSession:
        return SourceSession(
            options,
            generation,
            self.options,
            self.epoch,
            self.detector,
            self.wake.set,
            self.event_writer,
            self.clips,
            self.clock,
            self._sightings,
        )
