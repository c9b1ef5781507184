"""Cached tensors: which are kept per size, and for how long."""

from __future__ import annotations

import weakref

import torch

from groundcast.cuda.size_cache import cached, holding


def test_the_last_few_are_kept_and_a_holder_keeps_them_longer() -> None:
    made: list[int] = []

    @cached(2)
    def ramp(count: int) -> torch.Tensor:
        made.append(count)
        return torch.arange(count)

    with holding() as held:
        assert ramp(3) is ramp(3)
    first = weakref.ref(ramp(3))
    other = weakref.ref(ramp(4))
    ramp(5)
    ramp(6)
    assert made == [3, 4, 5, 6]
    assert other() is None
    assert first() is held[0]
    ramp(3)
    assert len(held) == 2
    assert made[-1] == 3


def test_holders_within_holders_both_hold() -> None:
    @cached(1)
    def one() -> list[int]:
        return [1]

    with holding() as outer:
        with holding() as inner:
            one()
        assert outer == inner == [[1]]
