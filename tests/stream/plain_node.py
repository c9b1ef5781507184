"""A node that keeps what it is told and looks at nothing: everything about commands is real, all else is absent."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groundcast.model.prompt import Phrase, Prompt
from groundcast.stream.node.leases import Leases
from groundcast.stream.node.node_api import Applied, CommandError, Lease, NodeStatus, PictureRequest, SourceChange
from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.message import decode_detections
from groundcast.stream.wire.message_types import DetectionMessage, ModelInfo, StatusMessage

JPEG = b"\xff\xd8 as it were \xff\xd9"
_MESSAGE = decode_detections((Path(__file__).parent / "golden_live.msgpack").read_bytes())


@dataclass(frozen=True)
class _PlainShot:
    message: DetectionMessage

    def jpeg(self) -> bytes:
        return JPEG


class PlainNode:
    """Keeps what it is told.

    Args:
        sources: their names.

    Attributes:
        picture_taken: holds pictures back until it is set.
        fail: breaks every command.
        turn: nothing happens while another thread holds it.
        done: the commands that were carried out, in order.
    """

    def __init__(self, *sources: str) -> None:
        self.picture_taken = threading.Event()
        self.picture_taken.set()
        self.fail = False
        self.base = Prompt.parse("red mug")
        self.version = 1
        self.leases = Leases()
        self.options = {name: SourceOptions(name, f"rtsp://eve:secret@{name}.example/live") for name in sources}
        self.paused: set[str] = set()
        self.done: list[str] = []
        self.last_loop_ns = 0
        self.turn = threading.Lock()

    @property
    def leases_in_force(self) -> Collection[str]:
        return self.leases.ids

    def status(self) -> NodeStatus:
        with self.turn:
            self.leases = self.leases.expire(time.monotonic())
            return NodeStatus(
                node="bench",
                epoch=1,
                model=ModelInfo("none", "float32", "mean"),
                prompt_version=self.version,
                prompts={name: self.leases.prompt(self.base, name) for name in self.options},
                sources=tuple(_status(name, self.version) for name in self.options),
                paused=tuple(name for name in self.options if name in self.paused),
                leases=self.leases.infos(time.monotonic()),
                unsent=0,
                options=tuple(self.options.values()),
            )

    def set_prompt(
        self,
        prompt: Prompt,
        source: str | None = None,
        if_version: int | None = None,
        *,
        everywhere: bool = False,
    ) -> Applied:
        with self.turn:
            self._check(source)
            if if_version not in (None, self.version):
                raise CommandError("version_conflict", f"the prompt is at version {self.version}, not {if_version}")
            self.base = prompt
            return self._applied(f"prompt {'. '.join(prompt.names)}{' everywhere' if everywhere else ''}")

    def set_thresholds(
        self, thresholds: Mapping[str, float], source: str | None = None, if_version: int | None = None
    ) -> Applied:
        phrases = (replace(one, threshold=thresholds.get(one.name, one.threshold)) for one in self.base.phrases)
        return self.set_prompt(Prompt(tuple(phrases)), source, if_version)

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None = None,
        lease: str | None = None,
    ) -> Lease:
        with self.turn:
            self._check(source)
            self.leases, held = self.leases.ask(client, phrases, seconds, source, lease, time.monotonic())
            return Lease(held.id, seconds, self._applied(f"ask {held.phrases[0].name}"))

    def release(self, lease: str, client: str | None = None) -> Applied:
        with self.turn:
            self._check(None)
            self.leases = self.leases.release(lease, client)
            return self._applied("release")

    def add_source(self, options: SourceOptions, client: str = "") -> Applied:
        with self.turn:
            self._check(None)
            if options.name in self.options:
                raise CommandError("name_taken", f"there is a source {options.name!r} already")
            self.options[options.name] = options
            return self._applied(f"add {options.name}")

    def update_source(self, name: str, change: SourceChange, client: str = "") -> Applied:
        with self.turn:
            self._check(name)
            self.options[name] = change(self.options[name])
            return self._applied(f"update {name}")

    def remove_source(self, name: str, generation: int | None = None) -> Applied:
        with self.turn:
            self._check(name)
            del self.options[name]
            return self._applied(f"remove {name}")

    def reset_tracks(self, source: str | None = None) -> Applied:
        with self.turn:
            self._check(source)
            return self._applied(f"reset {source}")

    def pause(self, source: str | None = None) -> Applied:
        with self.turn:
            self._check(source)
            self.paused |= set(self.options) if source is None else {source}
            return self._applied(f"pause {source}")

    def resume(self, source: str | None = None) -> Applied:
        with self.turn:
            self._check(source)
            self.paused -= set(self.options) if source is None else {source}
            return self._applied(f"resume {source}")

    def request_picture(self, source: str, timeout_s: float) -> PictureRequest:
        self._check(source)
        request = PictureRequest()
        threading.Thread(target=self._take_picture, args=(request, source, timeout_s), daemon=True).start()
        return request

    def _take_picture(self, request: PictureRequest, source: str, timeout_s: float) -> None:
        if self.picture_taken.wait(timeout_s):
            self.done.append(f"picture {source}")
            request.set_result(_PlainShot(replace(_MESSAGE, source=source)))
        else:
            request.set_exception(CommandError("not_ready", f"{source} gave no picture within {timeout_s:g} s"))

    def _check(self, source: str | None) -> None:
        if self.fail:
            raise OSError("the cable to rtsp://eve:secret@camera is cut")
        if source is not None and source not in self.options:
            raise CommandError("unknown_source", f"no source is called {source!r}")

    def _applied(self, done: str) -> Applied:
        self.done.append(done)
        self.version += 1
        return Applied(self.version, dict.fromkeys(self.options, (1, self.version)))


def _status(name: str, version: int) -> StatusMessage:
    return StatusMessage(
        node="bench",
        source=name,
        epoch=1,
        generation=1,
        seq=0,
        state="connecting",
        published_unix_ns=1,
        prompt_version=version,
    )
