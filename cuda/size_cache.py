"""Tensors that are computed once per size: kept for a while, and as long as a CUDA graph reads them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

_holders: ContextVar[tuple[list[object], ...]] = ContextVar("holders", default=())


def cached(most: int) -> Callable[[Callable[Arguments, Value]], Callable[Arguments, Value]]:
    """Keep what a function returns for the `most` arguments that were last asked for.

    A CUDA graph reads from where a tensor lay when it was captured; `holding` keeps the tensor there.
    """

    def decorate(make: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
        cached = lru_cache(maxsize=most)(make)

        @wraps(make)
        def get(*arguments: Arguments.args, **named: Arguments.kwargs) -> Value:
            value = cached(*cast("tuple[Hashable, ...]", arguments), **cast("dict[str, Hashable]", named))
            for holder in _holders.get():
                holder.append(value)
            return value

        return get

    return decorate


@contextmanager
def holding() -> Generator[list[object]]:
    """Everything that functions marked as `cached` return in this thread within the `with` block."""
    held: list[object] = []
    token = _holders.set((*_holders.get(), held))
    try:
        yield held
    finally:
        _holders.reset(token)
