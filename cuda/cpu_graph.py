"""On a CPU, what a function did once, done again without Python: as a TorchScript program.

Python's threads take turns at every call of an op. A network of a thousand small ops spends a seventh of its time on
these calls, and two threads that each run one wait for each other's turn for longer than that.
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
# torch.jit.trace would do, but what it traced stays for as long as the process.
_tracer = cast("Any", torch)._C  # noqa: SLF001
_one_at_a_time = threading.Lock()


class CpuCapture:
    """Captures functions for a `GraphCache` of a CPU.

    Args:
        opaque: tensors in oneDNN's own layout that the functions read. A program cannot hold such: each run is given
            them.
    """

    def __init__(self, opaque: Sequence[Tensor]) -> None:
        self._opaque = tuple(opaque)

    def __call__(self, function: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor]) -> TracedProgram:
        """The function's ops on inputs of these shapes.

        Raises:
            RuntimeError: an op cannot be traced.
            AttributeError, TypeError: this torch traces in another way.
        """

        def on_all(*given: Tensor) -> tuple[Tensor, ...]:
            return function(*given[: len(inputs)])

        own = (*(one.clone() for one in inputs), *self._opaque)
        with _unwarned():
            graph, _ = _tracer._create_graph_by_tracing(on_all, own, lambda _: "", True, False, None, [])  # noqa: SLF001
        return TracedProgram(_tracer._create_function_from_graph("traced", graph), self._opaque)  # noqa: SLF001


@contextmanager
def _unwarned() -> Generator[None]:
    """Without a word about sizes that become constants, which is meant."""
    with _one_at_a_time:
        before: bool = _tracer._jit_get_tracer_state_warn()  # noqa: SLF001
        _tracer._jit_set_tracer_state_warn(False)  # noqa: SLF001
        try:
            yield
        finally:
            _tracer._jit_set_tracer_state_warn(before)  # noqa: SLF001


class TracedProgram:
    """A traced function; any number of threads may run it at once.

    Args:
        run: does it.
        opaque: what it is given after its inputs.
    """

    def __init__(self, run: Callable[..., tuple[Tensor, ...]], opaque: tuple[Tensor, ...]) -> None:
        self._run, self._opaque = run, opaque

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """As the function; what it returns is the caller's."""
        with _jit.optimized_execution(False):  # optimizing takes as long as seven pictures and gains nothing
            return self._run(*inputs, *self._opaque)
