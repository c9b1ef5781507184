"""Graphs: the ops of a function are captured once for each key and replayed with one call."""

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
_CALLS_BEFORE_CAPTURE = 2  # a capture costs as much as many calls, and the pictures of a folder may differ in size
_MAX_COUNTED_KEYS = 256
_CALLS_BEFORE_TRACING = 16  # tracing takes as long as four pictures of the Edge body and pays off after about thirty
_MAX_TRACED = 8  # about 20 MB each


class Captured(Protocol):
    """A function that was captured."""

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The function's results for other inputs of the same shapes."""
        ...


class GraphCache:
    """Runs functions as CUDA graphs on a GPU; elsewhere directly, or as `capture` makes them.

    On a GPU for one thread and one stream, else for several threads: while one captures, the others call the function.

    Args:
        device: where the functions compute.
        calls_before: how often a function is called before it is captured.
        max_graphs: limit of kept graphs, for example one to eight pictures of four sizes; the least recently used goes.
        capture: makes a graph of a function; None is a CUDA graph on a GPU, and no graph elsewhere.
    """

    def __init__(
        self,
        device: torch.device,
        calls_before: int = _CALLS_BEFORE_CAPTURE,
        max_graphs: int = 32,
        capture: Callable[[Function, Sequence[Tensor]], Captured] | None = None,
    ) -> None:
        self._device, self._calls_before, self._max_graphs = device, calls_before, max_graphs
        self._calls: OrderedDict[Hashable, int] = OrderedDict()  # before a capture
        self._graphs: OrderedDict[Hashable, Captured | None] = OrderedDict()  # None cannot be captured, or not yet
        self._lock = threading.Lock()
        self._capture = _Capture(device) if capture is None and device.type == "cuda" else capture
        self._failure_logged = False

    @classmethod
    def tracing(cls, opaque: Sequence[Tensor]) -> GraphCache:
        """A cache for a CPU, whose graphs are TorchScript programs; `opaque` as in `CpuCapture`."""
        return cls(torch.device("cpu"), _CALLS_BEFORE_TRACING, _MAX_TRACED, CpuCapture(opaque))

    def run(self, key: Hashable, function: Function, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The function's results for the inputs.

        On a GPU the next run overwrites them: use them on the same stream before.

        Args:
            key: equal only where the function launches the same on tensors of the same shapes.
            inputs: must not be modified if the same tensors are passed again.
        """
        if self._capture is None:
            return function(*inputs)
        with self._lock:
            graph, must_capture = self._find(key)
        if must_capture:
            graph = self._graphs[key] = self._captured(self._capture, function, inputs)
        return function(*inputs) if graph is None else graph.run(inputs)

    @property
    def captured(self) -> int:
        """How many graphs there are."""
        return sum(graph is not None for graph in self._graphs.values())

    def clear(self) -> None:
        """Delete every graph and free its memory."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)  # no graph may be running
        with self._lock:
            self._graphs.clear()
        torch.cuda.empty_cache()

    def _find(self, key: Hashable) -> tuple[Captured | None, bool]:
        """The graph, if there is one, and whether the caller must capture it."""
        if self._is_rare(key):
            return None, False
        must_capture = key not in self._graphs
        if must_capture:
            self._evict_oldest()
            self._graphs[key] = None
        self._graphs.move_to_end(key)
        return self._graphs[key], must_capture

    def _is_rare(self, key: Hashable) -> bool:
        """Whether the key was called too rarely for a capture. Counts the call."""
        if key in self._graphs:
            return False
        calls = self._calls.pop(key, 0)
        if calls >= self._calls_before:
            return False
        self._calls[key] = calls + 1
        if len(self._calls) > _MAX_COUNTED_KEYS:
            self._calls.popitem(last=False)
        return True

    def _evict_oldest(self) -> None:
        if len(self._graphs) < self._max_graphs:
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
            out_of_memory, reason = _is_out_of_memory(error), str(error).partition("\n")[0]
        if out_of_memory:  # outside `except`: the error kept alive what did not fit
            self.clear()
            _log.warning("no graph of this size: memory ran out, and the others were deleted (%s)", reason)
        elif not self._failure_logged:
            self._failure_logged = True
            _log.warning("no graph: the network's ops cannot be captured (%s)", reason)
        return None


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether it is, or was raised while one was handled: ending a failed capture raises too."""
    return error is not None and (isinstance(error, torch.OutOfMemoryError) or _is_out_of_memory(error.__context__))


class _Capture:
    """Captures CUDA graphs on its own stream. All graphs share one memory pool: one stream runs them in sequence."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._failed_graphs: list[torch.cuda.CUDAGraph] = []

    def __call__(self, function: Function, inputs: Sequence[Tensor]) -> Graph:
        static_inputs = tuple(one.clone() for one in inputs)
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            function(*static_inputs)  # warm-up: per-stream and per-size state must exist before the capture
        current.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads may wait for their events meanwhile; that must not fail the capture.
            capturing = torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local")
            with holding() as kept_alive, capturing:
                outputs = function(*static_inputs)
        except RuntimeError:
            graph.reset()  # else the memory of all graphs is never freed
            self._failed_graphs.append(
                graph
            )  # PyTorch's allocator still refers to it, and accepts no other into its pool
            self._pool = torch.cuda.graph_pool_handle()
            raise
        finally:
            torch.cuda.set_stream(current)  # a failed capture leaves its own stream current
        return Graph(graph.replay, static_inputs, outputs, kept_alive)


class Graph:
    """A captured CUDA graph with its input and output tensors.

    Args:
        replay: launches it again.
        static_inputs: what it reads; outputs: what it writes.
        kept_alive: tensors that must exist while it may be replayed.
    """

    def __init__(
        self,
        replay: Callable[[], None],
        static_inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        kept_alive: Sequence[object] = (),
    ) -> None:
        self._replay, self._static_inputs, self._outputs, self._kept_alive = replay, static_inputs, outputs, kept_alive
        self._last_inputs: list[weakref.ref[Tensor] | None] = [None] * len(static_inputs)

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        for row, (static_inputs, tensor) in enumerate(zip(self._static_inputs, inputs, strict=True)):
            previous = self._last_inputs[row]
            if previous is None or previous() is not tensor:  # a prompt's features are the same for many pictures
                static_inputs.copy_(tensor)
                self._last_inputs[row] = weakref.ref(tensor)
        self._replay()
        return self._outputs
