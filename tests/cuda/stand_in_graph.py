"""A stand-in for CUDA graphs, for tests without a GPU."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from groundcast.cuda.graph import Function, Graph


class Recorder:
    """Captures a function as CUDA does: inputs and outputs have fixed memory, and each replay runs it again."""

    def __init__(self) -> None:
        self.captured = 0
        self.error: RuntimeError | None = None

    def __call__(self, function: Function, inputs: Sequence[Tensor]) -> Graph:
        if self.error is not None:
            raise self.error
        self.captured += 1
        own = tuple(one.clone() for one in inputs)
        outputs = function(*own)

        def replay() -> None:
            for place, value in zip(outputs, function(*own), strict=True):
                place.copy_(value)

        return Graph(replay, own, outputs)
