"""Cached tensors: computed once per size, and kept alive as long as a CUDA graph reads them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

_holders: ContextVar[tuple[list[object], ...]] = ContextVar("holders", default=())


def cached(max_values: int) -> Callable[[Callable[Arguments, Value]], Callable[Arguments, Value]]:
    """An LRU cache of `max_values` results for the decorated function.

    A CUDA graph reads a tensor at its address of the capture; `holding` keeps that tensor alive.
    """

    def decorate(make: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
        cached = lru_cache(maxsize=max_values)(make)

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
    """A list of everything that `cached` functions return in this thread within the `with` block."""
    values: list[object] = []
    token = _holders.set((*_holders.get(), values))
    try:
        yield values
    finally:
        _holders.reset(token)
