"""Puts a node together from its settings and runs it until its sources end or it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ...model.prompt import Prompt
from ...model.query import Query
from ..exits import RunError, running
from ..service.service import Service
from ..settings.settings import ModelSettings, NodeSettings
from .runtime_folder import own_control_address

if TYPE_CHECKING:
    from ...model.detector import Detector
    from ...stream.control.server import ControlServer
    from ...stream.pipeline import NodeSummary, StreamDetector
    from ...stream.wire.message import DetectionMessage


_DETECTOR_ENDS_WITHIN_S = 0.3


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a node can be reached.

    Args:
        published: subscribers connect here.
        control: requests are taken here; None takes none.
    """

    published: str
    control: str | None


@dataclass(frozen=True, slots=True)
class NodeRun:
    """How a node ended: what it did, and whether it was told to stop."""

    summary: NodeSummary
    stopped: bool


def load_detector(model: ModelSettings) -> Detector:
    """The model that the settings name; takes seconds."""
    from ...model.detector import Detector, DetectorOptions

    options = DetectorOptions(
        device=model.device,
        size=model.size_px,
        dtype=model.dtype,
        threshold=model.threshold,
        score_rule=model.score_rule,
        nms_iou=model.nms_iou,
        agnostic_nms=model.agnostic_nms,
        offline=model.offline,
        cpu_workers=model.cpu_workers or lanes_of(model.device),
        batch=model.batch,
    )
    return Detector.load(model.name, options)


def lanes_of(device: str) -> int:
    """How many pictures a device computes side by side, where nobody says."""
    import torch

    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    return 1 if on_gpu else min(2, torch.get_num_threads())


def run_node(
    settings: NodeSettings,
    on_ready: Callable[[Addresses], None],
    on_message: Callable[[DetectionMessage], None] | None = None,
    reread: Callable[[], NodeSettings] | None = None,
) -> NodeRun:
    """Run a node.

    What can be known to be wrong is found before the model is loaded, the cheapest first.

    Args:
        settings: the whole node.
        on_ready: called once, when subscribers and controllers can connect and the first frame can come.
        on_message: called with every message that is sent.
        reread: reads the settings again, on SIGHUP; None leaves that signal alone.

    Raises:
        SourceError, NamesakeError, PublisherError, BindError, KeyFileError, HealthError, CheckpointError, PromptError,
            InputError: the input was wrong.
        RunError: the node failed while running.
    """
    from ...stream.capture.reader import check_source
    from ...stream.publish.publisher import Publisher
    from ...stream.sockets.descriptors import raise_limit
    from ...stream.sockets.name_claim import NameClaim

    raise_limit()
    options, prompt = settings.to_options(), settings.to_prompt()
    for source in options.sources:
        check_source(source)
    with (
        NameClaim(options.node, options.publisher.address) if settings.check_name else nullcontext(),
        Publisher(options.publisher, options.node) as publisher,
        _control(settings) as control,
        Service(settings, reread) as service,
        _let_go(load_detector(settings.model)) as detector,
    ):
        from ...stream.pipeline import Pipeline  # norfair alone takes seconds

        pipeline = Pipeline(options, detector, prompt, publisher, on_message=on_message)
        _warm_up(detector, prompt)
        with stop_on_signals(hangup=reread is None) as stop, running(), service.around(pipeline, stop, control):
            if control is not None:
                control.start(pipeline, stop.set)
            on_ready(Addresses(publisher.address, None if control is None else control.address))
            summary = pipeline.run(stop, stays=not options.sources)
            if control is not None and control.failure is not None:
                raise RunError(f"the control socket failed: {control.failure}")
            return NodeRun(summary, stop.is_set())


def _control(settings: NodeSettings) -> AbstractContextManager[ControlServer | None]:
    """The control socket, bound; requests wait there until there is a node to carry them out."""
    from ...stream.control.server import ControlServer

    options = settings.to_control(lambda node: own_control_address(node, os.environ))
    return nullcontext() if options is None else ControlServer(options)


@contextmanager
def _let_go(detector: Detector) -> Generator[Detector]:
    """Close a detector at the end, and soon, whatever picture it is in the middle of."""
    try:
        yield detector
    finally:
        detector.close(_DETECTOR_ENDS_WITHIN_S)


def _warm_up(detector: StreamDetector, prompt: Prompt) -> None:
    """Answer a blank picture in each lane, so that kernels are compiled before the node says that it is ready."""
    import numpy as np

    blank = np.zeros((480, 640, 3), np.uint8)
    for ticket in [detector.submit([Query(blank, prompt)]) for _ in range(detector.depth)]:
        ticket.wait()


@contextmanager
def stop_on_signals(*, hangup: bool = False) -> Generator[threading.Event]:
    """An event that Ctrl-C or a polite kill sets; the second one ends the process at once, as without us.

    Args:
        hangup: so does a terminal that is closed, unless the process was told to outlive it (nohup).
    """
    stop = threading.Event()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hangup and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def process_age_s() -> float:
    """How long ago this process was started."""
    # The 22nd field, counted behind the command's name, which may itself hold blanks and brackets.
    started_ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
