"""Builds a node from its settings and runs it until its sources end or it receives a stop signal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.prompt import Prompt
from ...model.query import Query
from ..exits import RunError, running
from ..service.service import Service
from ..settings.settings import NodeSettings
from .load_detector import load_detector
from .load_masker import load_track_masker
from .runtime_folder import own_control_address
from .signals import stop_on_signals
from .state_folder import own_event_store

if TYPE_CHECKING:
    from ...model.detector import Detector
    from ...stream.control.server import ControlServer
    from ...stream.detector_protocol import StreamDetector
    from ...stream.pipeline import NodeSummary
    from ...stream.wire.message_types import DetectionMessage


_DETECTOR_ENDS_WITHIN_S = 0.3


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a node can be reached.

    Args:
        published: subscribers connect here.
        control: the node takes requests here; None means that it takes none.
    """

    published: str
    control: str | None


@dataclass(frozen=True, slots=True)
class NodeRun:
    """How a node ended: what it did, and whether it received a stop signal or request."""

    summary: NodeSummary
    stopped: bool


def run_node(
    settings: NodeSettings,
    on_ready: Callable[[Addresses], None],
    on_message: Callable[[DetectionMessage], None] | None = None,
    reread: Callable[[], NodeSettings] | None = None,
) -> NodeRun:
    """Run a node.

    All checks that need no model come before it is loaded, the cheapest first.

    Args:
        settings: the whole node.
        on_ready: called once, when subscribers and controllers can connect and the first frame can come.
        on_message: called with every message that is sent.
        reread: reads the settings again, on SIGHUP; None leaves that signal alone.

    Raises:
        SourceError, StoreError, NameTakenError, PublisherError, BindError, KeyFileError, HealthError, CheckpointError,
            MaskerError, PromptError, TrackerError, InputError: the input was wrong.
        RunError: the node failed while running.
    """
    from ...stream.capture.open_source import check_source
    from ...stream.publish.publisher import Publisher
    from ...stream.sockets.descriptors import raise_limit
    from ...stream.sockets.name_claim import NameClaim
    from ...stream.tracking.tracker import check_kind

    raise_limit()
    options = settings.to_options(lambda node: own_event_store(node, os.environ))
    prompt = settings.to_prompt()
    for source in options.sources:
        check_source(source)
    check_kind(options.tracker.kind)
    with (
        NameClaim(options.node, options.publisher.address) if settings.check_name else nullcontext(),
        Publisher(options.publisher, options.node) as publisher,
        _control(settings) as control,
        Service(settings, reread) as service,
        _closing(load_detector(settings.model)) as detector,
    ):
        from ...stream.pipeline import Pipeline  # norfair alone takes seconds

        masker = load_track_masker(settings)
        pipeline = Pipeline(options, detector, prompt, publisher, on_message=on_message, masker=masker)
        _warm_up(detector, prompt)
        with (
            stop_on_signals(hangup=reread is None) as stop,
            running(),
            service.around(pipeline.commands, stop, control),
        ):
            if control is not None:
                control.start(pipeline.commands, stop.set)
            on_ready(Addresses(publisher.address, None if control is None else control.address))
            summary = pipeline.run(stop, stays=not options.sources)
            if control is not None and control.failure is not None:
                raise RunError(f"the control socket failed: {control.failure}")
            return NodeRun(summary, stop.is_set())


def _control(settings: NodeSettings) -> AbstractContextManager[ControlServer | None]:
    """The control socket, bound. Requests wait there until the node can execute them."""
    from ...stream.control.server import ControlServer

    options = settings.to_control(lambda node: own_control_address(node, os.environ))
    return nullcontext() if options is None else ControlServer(options)


@contextmanager
def _closing(detector: Detector) -> Generator[Detector]:
    """Close a detector at the end, without waiting for the picture that it is working on."""
    try:
        yield detector
    finally:
        detector.close(_DETECTOR_ENDS_WITHIN_S)


def _warm_up(detector: StreamDetector, prompt: Prompt) -> None:
    """Answer a blank picture in each worker, so that kernels are compiled before the node says that it is ready."""
    import numpy as np

    blank = np.zeros((480, 640, 3), np.uint8)
    for ticket in [detector.submit([Query(blank, prompt)]) for _ in range(detector.depth)]:
        ticket.wait()


def process_age_s() -> float:
    """How long ago this process started."""
    # The 22nd field, counted after the command's name, which may itself contain blanks and brackets.
    started_ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
