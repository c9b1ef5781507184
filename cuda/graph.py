"""Graphs: what a function launches is captured once for each key, and replayed with one call."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from .cpu_graph import CpuCapture
from .size_cache import holding

Function = Callable[..., tuple[Tensor, ...]]

_log = logging.getLogger(__name__)
_CALLS_BEFORE = 2  # as they are: a capture costs as much as many, and pictures of a folder may differ in size
_KEYS_COUNTED = 256
_CALLS_BEFORE_TRACING = 16  # tracing takes as long as four pictures of the Edge body, and pays after some thirty
_MAX_TRACED = 8  # some 20 MB each


class Captured(Protocol):
    """A function that was captured."""

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """As the function, on other inputs of the same shapes."""
        ...


class GraphCache:
    """Runs functions as CUDA graphs on a GPU, elsewhere as they are or as `capture` makes them.

    On a GPU for one thread and one stream, else for several threads: while one captures, the others run the function.

    Args:
        device: where the functions compute.
        calls_before: how often a function is called before it is captured.
        most: graphs that are kept, such as up to eight pictures of four sizes; the one that was not used for longest
            goes first.
        capture: how a function becomes a graph; None is CUDA's way on a GPU, and none elsewhere.
    """

    def __init__(
        self,
        device: torch.device,
        calls_before: int = _CALLS_BEFORE,
        most: int = 32,
        capture: Callable[[Function, Sequence[Tensor]], Captured] | None = None,
    ) -> None:
        self._device, self._calls_before, self._most = device, calls_before, most
        self._calls: OrderedDict[Hashable, int] = OrderedDict()  # before a capture
        self._graphs: OrderedDict[Hashable, Captured | None] = OrderedDict()  # None cannot be captured, or not yet
        self._lock = threading.Lock()
        self._capture = _Capture(device) if capture is None and device.type == "cuda" else capture
        self._refused = False

    @classmethod
    def tracing(cls, opaque: Sequence[Tensor]) -> GraphCache:
        """One for a CPU, whose graphs are TorchScript programs; `opaque` as in `CpuCapture`."""
        return cls(torch.device("cpu"), _CALLS_BEFORE_TRACING, _MAX_TRACED, CpuCapture(opaque))

    def run(self, key: Hashable, function: Function, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What the function makes of the inputs.

        On a GPU it is overwritten by whatever is run next: use it on the same stream before.

        Args:
            key: equal only where the function launches the same on tensors of the same shapes.
            inputs: not to be written to afterwards, if they are given again.
        """
        if self._capture is None:
            return function(*inputs)
        with self._lock:
            graph, is_due = self._find(key)
        if is_due:
            graph = self._graphs[key] = self._captured(self._capture, function, inputs)
        return function(*inputs) if graph is None else graph.run(inputs)

    @property
    def captured(self) -> int:
        """How many graphs there are."""
        return sum(graph is not None for graph in self._graphs.values())

    def clear(self) -> None:
        """Forget every graph, and give their memory back."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # none may be running
        with self._lock:
            self._graphs.clear()
        torch.cuda.empty_cache()

    def _find(self, key: Hashable) -> tuple[Captured | None, bool]:
        """The graph, if there is one, and whether it is for the caller to capture."""
        if self._is_rare(key):
            return None, False
        is_due = key not in self._graphs
        if is_due:
            self._make_room()
            self._graphs[key] = None
        self._graphs.move_to_end(key)
        return self._graphs[key], is_due

    def _is_rare(self, key: Hashable) -> bool:
        """Whether a capture would not pay yet; counts."""
        if key in self._graphs:
            return False
        calls = self._calls.pop(key, 0)
        if calls >= self._calls_before:
            return False
        self._calls[key] = calls + 1
        if len(self._calls) > _KEYS_COUNTED:
            self._calls.popitem(last=False)
        return True

    def _make_room(self) -> None:
        if len(self._graphs) < self._most:
            return
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._graphs.popitem(last=False)

    def _captured(
        self, capture: Callable[[Function, Sequence[Tensor]], Captured], function: Function, inputs: Sequence[Tensor]
    ) -> Captured | None:
        try:
            return capture(function, inputs)
        except (RuntimeError, AttributeError, TypeError) as error:
            is_full, reason = _is_out_of_memory(error), str(error).partition("\n")[0]
        if is_full:  # and the error is gone, which held what did not fit
            self.clear()
            _log.warning("no graph of this size: memory ran out, and the others were forgotten (%s)", reason)
        elif not self._refused:
            self._refused = True
            _log.warning("no graph: what the network launches cannot be captured (%s)", reason)
        return None


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether it is, or came up while it was being handled: ending a broken capture fails too."""
    return error is not None and (isinstance(error, torch.OutOfMemoryError) or _is_out_of_memory(error.__context__))


class _Capture:
    """Captures on a stream of its own. All graphs share their memory: one stream runs them, one after another."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._broken: list[torch.cuda.CUDAGraph] = []

    def __call__(self, function: Function, inputs: Sequence[Tensor]) -> Graph:
        own = tuple(one.clone() for one in inputs)
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            function(*own)  # what is made once a stream or a size is there before the capture begins
        current.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads may wait for their events meanwhile: errors are this thread's alone.
            capturing = torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local")
            with holding() as held, capturing:
                outputs = function(*own)
        except RuntimeError:
            graph.reset()  # else the memory of all graphs is never given back
            self._broken.append(graph)  # PyTorch's allocator goes on asking it, and takes no other into its memory
            self._pool = torch.cuda.graph_pool_handle()
            raise
        finally:
            torch.cuda.set_stream(current)  # a capture that fails leaves its own behind
        return Graph(graph.replay, own, outputs, held)


class Graph:
    """A captured function, where it reads from and where it writes to.

    Args:
        replay: launches it again.
        own: what it reads; outputs: what it writes.
        held: tensors that are not to go while it may be replayed.
    """

    def __init__(
        self,
        replay: Callable[[], None],
        own: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        held: Sequence[object] = (),
    ) -> None:
        self._replay, self._own, self._outputs, self._held = replay, own, outputs, held
        self._copied: list[weakref.ref[Tensor] | None] = [None] * len(own)

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        for row, (own, given) in enumerate(zip(self._own, inputs, strict=True)):
            before = self._copied[row]
            if before is None or before() is not given:  # a prompt's words stay for many pictures
                own.copy_(given)
                self._copied[row] = weakref.ref(given)
        self._replay()
        return self._outputs
