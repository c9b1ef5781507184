"""Node commands: what other threads may call on a running node; the loop carries each out between two frames."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ...model.prompt import Phrase, Prompt, PromptError
from ..capture.open_source import check_source
from ..options import SourceOptions
from ..source_url import SourceError
from ..wire.message_types import DetectionMessage, ModelInfo
from ..wire.topics import MessageError, check_name
from .node_api import Applied, CommandError, Lease, NodeStatus, PictureRequest, SourceChange, user_of
from .node_state import NodeState
from .source_session import SourceSession

_LOOP_MAY_HANG_S = 5.0
_MAX_TRIES = 10  # to update a source that other clients update at the same moment


class NodeCommands:
    """The commands on a node's state. Each returns once the loop has carried it out; before the loop runs, at once.

    What can be checked without the loop is checked first. A command that is refused changes nothing.

    Args:
        node: the state that the commands change.
    """

    def __init__(self, node: NodeState) -> None:
        self._node = node

    @property
    def last_loop_ns(self) -> int:
        """As `NodeApi` says."""
        return self._node.last_loop_ns

    @property
    def oldest_request_ns(self) -> int:
        """When the oldest batch that is with the detector was submitted, monotonic ns; 0 while there is none."""
        return next((batch.inference.submitted_ns for batch in self._node.batches[:1]), 0)

    @property
    def leases_in_force(self) -> Collection[str]:
        """As `NodeApi` says."""
        return self._node.prompts.snapshot.leases.ids

    def status(self) -> NodeStatus:
        """The state and the figures of the node and its sources; never waits for the loop."""
        node, info = self._node, self._node.detector.info
        snapshot, sessions = node.prompts.snapshot, tuple(node.sources)
        known = [(session, snapshot.prompts[session.name]) for session in sessions if session.name in snapshot.prompts]
        return NodeStatus(
            node=node.options.node,
            epoch=node.epoch,
            model=ModelInfo(info.name, info.dtype, info.score_rule),
            prompt_version=snapshot.version,
            prompts={session.name: prompt.prompt for session, prompt in known},
            sources=tuple(session.status(prompt.version) for session, prompt in known),
            paused=tuple(session.name for session, _ in known if session.paused),
            leases=snapshot.leases.infos(node.now_s()),
            unsent=node.publisher.dropped + node.picture_sender.dropped,
            rejected_connections={str(reason): count for reason, count in node.publisher.rejected_connections.items()},
            options=tuple(session.options for session, _ in known),
        )

    def set_prompt(
        self,
        prompt: Prompt,
        source: str | None = None,
        if_version: int | None = None,
        *,
        everywhere: bool = False,
    ) -> Applied:
        """As `NodeApi` says; tracks whose phrase stays in the prompt go on."""
        self._check_prompt(prompt)

        def apply() -> Applied:
            sessions = self._node.sources.select(source)
            self._node.prompts.set_prompt(prompt, source, if_version, everywhere=everywhere)
            if source is not None or everywhere:  # so that the next update of other options keeps the prompt
                for session in sessions:
                    session.update(replace(session.options, prompt=None if everywhere else prompt))
            return self._applied(self._with_newest_version(sessions))

        return self._node.command_queue.call(apply)

    def set_thresholds(
        self, thresholds: Mapping[str, float], source: str | None = None, if_version: int | None = None
    ) -> Applied:
        """As `NodeApi` says."""

        def apply() -> Applied:
            sessions = self._node.sources.select(source)
            self._node.prompts.set_thresholds(thresholds, source, if_version)
            return self._applied(self._with_newest_version(sessions))

        return self._node.command_queue.call(apply)

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None = None,
        lease: str | None = None,
    ) -> Lease:
        """As `NodeApi` says. A lease that adds nothing new leaves the version of the prompt as it is."""

        def apply() -> Lease:
            sessions = self._node.sources.select(source)
            held = self._node.prompts.ask(client, phrases, seconds, source, lease, self._node.now_s())
            return Lease(held.id, held.until_s - self._node.now_s(), self._applied(sessions))

        return self._node.command_queue.call(apply)

    def release(self, lease: str, client: str | None = None) -> Applied:
        """As `NodeApi` says."""

        def apply() -> Applied:
            held = self._node.prompts.release(lease, client)
            return self._applied(
                session for session in self._node.sources if held and held.source in (None, session.name)
            )

        return self._node.command_queue.call(apply)

    def add_source(self, options: SourceOptions, client: str = "") -> Applied:
        """As `NodeApi` says; a name that was there before comes in its next generation."""
        options = self._checked(options)

        def apply() -> Applied:
            self._node.sources.check_can_add(options.name, user_of(client))
            self._node.prompts.put(options)
            self._node.runs_until_stopped = True
            return self._applied([self._node.begin_source(options, user_of(client))])

        return self._node.command_queue.call(apply)

    def update_source(self, name: str, change: SourceChange, client: str = "") -> Applied:
        """As `NodeApi` says; where another connection is needed, the source's next generation begins.

        Checking a file takes time, so the caller's thread does it, and does it again if another client has updated the
        source meanwhile.
        """
        for _ in range(_MAX_TRIES):
            checked = self._checked(change(self._node.sources.find(name).options))

            def apply(checked: SourceOptions = checked) -> Applied | None:
                session = self._node.sources.find(name)
                options = replace(change(session.options), keys=checked.keys)
                is_checked = replace(options, prompt=checked.prompt, threshold=checked.threshold) == checked
                return self._update(session, options, user_of(client)) if is_checked else None

            if (applied := self._node.command_queue.call(apply)) is not None:
                return applied
        raise CommandError("not_ready", f"others change source {name!r} at this moment: try again")

    def remove_source(self, name: str, generation: int | None = None) -> Applied:
        """As `NodeApi` says; its frames that are with the detector count as dropped."""

        def apply() -> Applied:
            session = self._node.sources.find(name)
            if generation not in (None, session.generation):
                raise CommandError("unknown_source", f"source {name!r} has been added again since: read the list again")
            self._node.end_source(session, "the source was removed", "ended")
            self._node.publisher.forget(name)
            self._node.sources.remove(name)
            self._node.prompts.drop(name)
            self._node.runs_until_stopped = True
            self._node.picture_requests.refuse(name, CommandError("unknown_source", f"source {name!r} was removed"))
            return Applied(self._node.prompts.snapshot.version, {name: (session.generation, session.next_seq)})

        return self._node.command_queue.call(apply)

    def reset_tracks(self, source: str | None = None) -> Applied:
        """As `NodeApi` says; the ids of the ended tracks are not used again."""

        def apply() -> Applied:
            sessions = self._node.sources.select(source)
            for session in sessions:
                session.reset_tracks()
            return Applied(
                self._newest_version(sessions),
                {session.name: (session.generation, session.next_seq) for session in sessions},
            )

        return self._node.command_queue.call(apply)

    def pause(self, source: str | None = None) -> Applied:
        """Drop the frames of a source, or of all, until it is resumed. Cameras stay connected."""
        return self._pause(source, paused=True)

    def resume(self, source: str | None = None) -> Applied:
        """Detect again in the frames of a source, or of all."""
        return self._pause(source, paused=False)

    def picture(self, source: str, timeout_s: float = 2.0) -> tuple[bytes, DetectionMessage]:
        """The next picture of a source as JPEG, and the message that belongs to it.

        Raises:
            CommandError: not_ready when none comes in time, or in the loop itself.
        """
        if self._node.command_queue.in_loop:
            raise CommandError("not_ready", "the loop cannot wait for its own next picture: ask from another thread")
        try:
            shot = self.request_picture(source, timeout_s).result(timeout_s + _LOOP_MAY_HANG_S)
        except TimeoutError:
            raise CommandError("not_ready", "the node detects in no pictures now: try again") from None
        return shot.jpeg(), shot.message

    def request_picture(self, source: str, timeout_s: float) -> PictureRequest:
        """As `NodeApi` says."""
        return self._node.command_queue.call(
            lambda: self._node.picture_requests.ask(self._node.sources.find(source).name, timeout_s, time.monotonic())
        )

    def _pause(self, source: str | None, *, paused: bool) -> Applied:
        def apply() -> Applied:
            sessions = self._node.sources.select(source)
            for session in sessions:
                session.paused = paused
            return self._applied(sessions)

        return self._node.command_queue.call(apply)

    def _update(self, session: SourceSession, options: SourceOptions, user: str) -> Applied:
        if not session.keeps_connection(options):
            self._node.sources.check_lingering(user)
        self._node.prompts.put(options)
        if session.update(options):
            return self._applied([session])
        self._node.end_source(session, "the source begins anew with other options", "reconnecting")
        new = self._node.begin_source(options, user)
        new.paused = session.paused
        return self._applied([new])

    def _applied(self, sessions: Iterable[SourceSession]) -> Applied:
        """The versions and the `seq` of the next frames that are taken."""
        sessions = tuple(sessions)
        return Applied(
            self._newest_version(sessions),
            {session.name: (session.generation, session.next_seq_taken) for session in sessions},
        )

    def _with_newest_version(self, sessions: Iterable[SourceSession]) -> list[SourceSession]:
        """The sources whose prompt has the newest version: those that the last change affected."""
        return [
            session
            for session in sessions
            if self._node.prompts.of(session.name).version == self._node.prompts.snapshot.version
        ]

    def _newest_version(self, sessions: Iterable[SourceSession]) -> int:
        """The newest version among these sources; the node's newest may belong to others."""
        versions = [self._node.prompts.of(session.name).version for session in sessions]
        return max(versions, default=self._node.prompts.snapshot.version)

    def _check_prompt(self, prompt: Prompt) -> None:
        try:
            self._node.detector.check(prompt)
        except PromptError as error:
            raise CommandError("bad_prompt", str(error)) from error

    def _checked(self, options: SourceOptions) -> SourceOptions:
        """The options with the node's keys; raises CommandError if they are wrong."""
        options = replace(options, keys=self._node.options.publisher.keys)
        try:
            check_name(options.name)
            check_source(options)
        except (MessageError, SourceError) as error:
            raise CommandError("bad_source", str(error)) from error
        if options.prompt is not None:
            self._check_prompt(options.prompt)
        return options
