"""What a running node can be told: the commands, each carried out between two frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ...model.prompt import Phrase, Prompt, PromptError
from ..capture.reader import SourceError, check_source
from ..clock import Clock
from ..detector_protocol import StreamDetector
from ..options import NodeOptions, SourceOptions
from ..publish.publisher import Publisher
from ..stats import SourceState
from ..wire.message_types import DetectionMessage, ModelInfo
from ..wire.topics import MessageError, check_name
from .command_queue import CommandQueue
from .node_api import Applied, CommandError, Lease, NodeStatus, PictureRequest, SourceChange, user_of
from .picture_requests import PictureRequests
from .picture_sender import PictureSender
from .prompt_state import PromptState
from .source_registry import SourceRegistry
from .source_session import SourceSession

_LOOP_MAY_HANG_S = 5.0
_MAX_TRIES = 10  # to change a source while others change how it is read


class Commanded:
    """A node's sources and what they are asked, and the commands that change both.

    Any thread may call a command; it returns once the loop has carried it out. Before the loop runs it is carried
    out at once. What can be found out to be wrong without the loop, is; a command that is refused changes nothing.

    Args:
        options, detector, prompt, publisher, clock: as for `Pipeline`.

    Raises:
        PromptError: words that the detector does not know.
    """

    def __init__(
        self, options: NodeOptions, detector: StreamDetector, prompt: Prompt, publisher: Publisher, clock: Clock
    ) -> None:
        self._options = options
        self._detector = detector
        self._publisher = publisher
        self._clock = clock
        self._wake = threading.Event()
        self._queue = CommandQueue(self._wake.set)
        self._pictures = PictureRequests(options.publisher.jpeg_quality)
        self._picture_sender = PictureSender(publisher, options.publisher.jpeg_quality)
        self._is_running = False
        self._stays = False  # until it is told to stop, for somebody brings sources and takes them away
        self._epoch = clock.unix_ns()
        for one in (prompt, *(source.prompt for source in options.sources if source.prompt is not None)):
            detector.check(one)
        self._questions = PromptState(prompt, detector.check, detector.captions)
        self._questions.start(options.sources)
        self._lineup = SourceRegistry(self._make_line, options.sources)

    @property
    def leases_in_force(self) -> Collection[str]:
        """As `CommandedNode` says."""
        return self._questions.asked.leases.ids

    def status(self) -> NodeStatus:
        """How the node and its sources are doing; never waits for the loop."""
        asked, lines = self._questions.asked, tuple(self._lineup)
        known = [(line, asked.questions[line.name]) for line in lines if line.name in asked.questions]
        info = self._detector.info
        return NodeStatus(
            node=self._options.node,
            epoch=self._epoch,
            model=ModelInfo(info.name, info.dtype, info.score_rule),
            prompt_version=asked.version,
            prompts={line.name: question.prompt for line, question in known},
            sources=tuple(line.status(question.version) for line, question in known),
            paused=tuple(line.name for line, _ in known if line.paused),
            leases=asked.leases.infos(self._now_s()),
            unsent=self._publisher.dropped + self._picture_sender.left_out,
            rejected_connections={str(reason): count for reason, count in self._publisher.rejected_connections.items()},
            options=tuple(line.options for line, _ in known),
        )

    def set_prompt(
        self,
        prompt: Prompt,
        source: str | None = None,
        if_version: int | None = None,
        *,
        everywhere: bool = False,
    ) -> Applied:
        """As `CommandedNode` says; tracks whose phrase is still asked for go on."""
        self._must_know(prompt)

        def apply() -> Applied:
            lines = self._lineup.select(source)
            self._questions.set_prompt(prompt, source, if_version, everywhere=everywhere)
            if source is not None or everywhere:  # so that who changes another of their options next leaves the prompt
                for line in lines:
                    line.update(replace(line.options, prompt=None if everywhere else prompt))
            return self._applied(self._with_the_newest(lines))

        return self._queue.call(apply)

    def set_thresholds(
        self, thresholds: Mapping[str, float], source: str | None = None, if_version: int | None = None
    ) -> Applied:
        """As `CommandedNode` says."""

        def apply() -> Applied:
            lines = self._lineup.select(source)
            self._questions.set_thresholds(thresholds, source, if_version)
            return self._applied(self._with_the_newest(lines))

        return self._queue.call(apply)

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None = None,
        lease: str | None = None,
    ) -> Lease:
        """As `CommandedNode` says. A lease that adds nothing new leaves the version of the prompt as it is."""

        def apply() -> Lease:
            lines = self._lineup.select(source)
            held = self._questions.ask(client, phrases, seconds, source, lease, self._now_s())
            return Lease(held.id, held.until_s - self._now_s(), self._applied(lines))

        return self._queue.call(apply)

    def release(self, lease: str, client: str | None = None) -> Applied:
        """As `CommandedNode` says."""

        def apply() -> Applied:
            held = self._questions.release(lease, client)
            return self._applied(line for line in self._lineup if held and held.source in (None, line.name))

        return self._queue.call(apply)

    def add_source(self, options: SourceOptions, client: str = "") -> Applied:
        """As `CommandedNode` says; a name that was there before comes in its next generation."""
        options = self._as_ours(options)

        def apply() -> Applied:
            self._lineup.check_can_add(options.name, user_of(client))
            self._questions.put(options)
            self._stays = True
            return self._applied([self._begin(options, user_of(client))])

        return self._queue.call(apply)

    def update_source(self, name: str, change: SourceChange, client: str = "") -> Applied:
        """As `CommandedNode` says; where another connection is needed, the source's next generation begins.

        Opening a file to check it would hold up the loop, so that is done before, and done again if others changed
        meanwhile how the source is read.
        """
        for _ in range(_MAX_TRIES):
            checked = self._as_ours(change(self._lineup.find(name).options))

            def apply(checked: SourceOptions = checked) -> Applied | None:
                line = self._lineup.find(name)
                options = replace(change(line.options), keys=checked.keys)
                is_checked = replace(options, prompt=checked.prompt, threshold=checked.threshold) == checked
                return self._update(line, options, user_of(client)) if is_checked else None

            if (applied := self._queue.call(apply)) is not None:
                return applied
        raise CommandError("not_ready", f"others change source {name!r} at this moment: try again")

    def remove_source(self, name: str, generation: int | None = None) -> Applied:
        """As `CommandedNode` says; frames that are with the detector count as dropped."""

        def apply() -> Applied:
            line = self._lineup.find(name)
            if generation not in (None, line.generation):
                raise CommandError("unknown_source", f"source {name!r} is another one by now: look again")
            self._end_line(line, "the source was removed", "ended")
            self._publisher.forget(name)
            self._lineup.remove(name)
            self._questions.drop(name)
            self._stays = True
            self._pictures.refuse(name, CommandError("unknown_source", f"source {name!r} was removed"))
            return Applied(self._questions.asked.version, {name: (line.generation, line.next_seq)})

        return self._queue.call(apply)

    def reset_tracks(self, source: str | None = None) -> Applied:
        """As `CommandedNode` says; the ids of the ended tracks are not used again."""

        def apply() -> Applied:
            lines = self._lineup.select(source)
            for line in lines:
                line.reset_tracks()
            return Applied(self._newest(lines), {line.name: (line.generation, line.next_seq) for line in lines})

        return self._queue.call(apply)

    def pause(self, source: str | None = None) -> Applied:
        """Look at nothing of a source, or of all, until it is resumed. Cameras stay connected; frames are dropped."""
        return self._pause(source, paused=True)

    def resume(self, source: str | None = None) -> Applied:
        """Look again at a source, or at all that are there."""
        return self._pause(source, paused=False)

    def picture(self, source: str, timeout_s: float = 2.0) -> tuple[bytes, DetectionMessage]:
        """The next picture of a source as JPEG, and the message that belongs to it.

        Raises:
            CommandError: not_ready when none comes in time, or in the loop itself.
        """
        if self._queue.in_loop:
            raise CommandError("not_ready", "the loop cannot wait for its own next picture: ask from another thread")
        try:
            shot = self.request_picture(source, timeout_s).result(timeout_s + _LOOP_MAY_HANG_S)
        except TimeoutError:
            raise CommandError("not_ready", "the node does not look at pictures now: try again") from None
        return shot.jpeg(), shot.message

    def request_picture(self, source: str, timeout_s: float) -> PictureRequest:
        """As `CommandedNode` says."""
        return self._queue.call(lambda: self._pictures.ask(self._lineup.find(source).name, timeout_s, time.monotonic()))

    def _pause(self, source: str | None, *, paused: bool) -> Applied:
        def apply() -> Applied:
            lines = self._lineup.select(source)
            for line in lines:
                line.paused = paused
            return self._applied(lines)

        return self._queue.call(apply)

    def _make_line(self, options: SourceOptions, generation: int) -> SourceSession:
        return SourceSession(
            options, generation, self._options, self._epoch, self._detector, self._wake.set, self._clock
        )

    def _update(self, line: SourceSession, options: SourceOptions, user: str) -> Applied:
        if not line.keeps_connection(options):
            self._lineup.check_lingering(user)
        self._questions.put(options)
        if line.update(options):
            return self._applied([line])
        self._end_line(line, "the source begins anew with other options", "reconnecting")
        new = self._begin(options, user)
        new.paused = line.paused
        return self._applied([new])

    def _begin(self, options: SourceOptions, user: str) -> SourceSession:
        line = self._lineup.put(options, user)
        if self._is_running:
            line.start()
        return line

    def _end_line(self, line: SourceSession, why: str, state: SourceState) -> None:
        """End a source without waiting for its reader, and say so once, with all its frames accounted for."""
        was_over = line.finished
        line.end(0.0, why, state)
        if not was_over:
            self._publisher.send_status(line.status_to_send(self._questions.of(line.name).version))

    def _stop_commands(self) -> None:
        self._queue.end()
        self._pictures.refuse_all(CommandError("stopped", "the node has ended"))

    def _applied(self, lines: Iterable[SourceSession]) -> Applied:
        """What holds for the next frames that are taken."""
        lines = tuple(lines)
        return Applied(self._newest(lines), {line.name: (line.generation, line.next_seq_taken) for line in lines})

    def _with_the_newest(self, lines: Iterable[SourceSession]) -> list[SourceSession]:
        """Those of the sources that are asked under the newest version: whom the last change concerned."""
        return [line for line in lines if self._questions.of(line.name).version == self._questions.asked.version]

    def _newest(self, lines: Iterable[SourceSession]) -> int:
        """The version that the messages of these sources carry: the node's newest may be about others."""
        versions = [self._questions.of(line.name).version for line in lines]
        return max(versions, default=self._questions.asked.version)

    def _must_know(self, prompt: Prompt) -> None:
        try:
            self._detector.check(prompt)
        except PromptError as error:
            raise CommandError("bad_prompt", str(error)) from error

    def _as_ours(self, options: SourceOptions) -> SourceOptions:
        """The options, once they are fine, with the node's keys."""
        options = replace(options, keys=self._options.publisher.keys)
        try:
            check_name(options.name)
            check_source(options)
        except (MessageError, SourceError) as error:
            raise CommandError("bad_source", str(error)) from error
        if options.prompt is not None:
            self._must_know(options.prompt)
        return options

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
