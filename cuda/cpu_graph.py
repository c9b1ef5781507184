"""Graphs on a CPU: a function traced to a TorchScript program, which runs without Python.

Python's threads hold the GIL at every call of an op. A network of a thousand small ops spends a seventh of its time on
these calls, and two threads that each run one wait for the GIL for longer than that.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownLambdaType=false

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

_jit: Any = torch.jit
# Not torch.jit.trace: what it traces is never freed.
_tracer = cast("Any", torch)._C  # noqa: SLF001
_tracing_lock = threading.Lock()


class CpuCapture:
    """Captures functions for a `GraphCache` of a CPU.

    Args:
        opaque: tensors in oneDNN's own layout that the functions read. A program cannot store them as constants, so
            each run passes them.
    """

    def __init__(self, opaque: Sequence[Tensor]) -> None:
        self._opaque = tuple(opaque)

    def __call__(self, function: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor]) -> TracedProgram:
        """The function's ops on inputs of these shapes.

        Raises:
            RuntimeError: an op cannot be traced.
            AttributeError, TypeError: this version of torch has another tracing interface.
        """

        def call(*tensors: Tensor) -> tuple[Tensor, ...]:
            return function(*tensors[: len(inputs)])

        example_inputs = (*(one.clone() for one in inputs), *self._opaque)
        with _without_warnings():
            graph, _ = _tracer._create_graph_by_tracing(call, example_inputs, lambda _: "", True, False, None, [])  # noqa: SLF001
        return TracedProgram(_tracer._create_function_from_graph("traced", graph), self._opaque)  # noqa: SLF001


@contextmanager
def _without_warnings() -> Generator[None]:
    """No tracer warnings about sizes that become constants: that is intended."""
    with _tracing_lock:
        before: bool = _tracer._jit_get_tracer_state_warn()  # noqa: SLF001
        _tracer._jit_set_tracer_state_warn(False)  # noqa: SLF001
        try:
            yield
        finally:
            _tracer._jit_set_tracer_state_warn(before)  # noqa: SLF001


class TracedProgram:
    """A traced function; any number of threads may run it at once.

    Args:
        run: the program.
        opaque: tensors that it takes after its inputs.
    """

    def __init__(self, run: Callable[..., tuple[Tensor, ...]], opaque: tuple[Tensor, ...]) -> None:
        self._run, self._opaque = run, opaque

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The function's results, which the caller owns."""
        with _jit.optimized_execution(False):  # optimising takes as long as seven pictures and saves nothing
            return self._run(*inputs, *self._opaque)
