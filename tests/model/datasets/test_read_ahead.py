"""What threads make ahead comes in order, and no more of it is held than there are threads."""

from __future__ import annotations

import threading

import pytest

from groundcast.model.datasets.read_ahead import made_ahead


def test_later_ones_are_begun_first_but_come_in_order() -> None:
    second_began = threading.Event()

    def make(number: int) -> int:
        if number == 1:
            second_began.set()
        if number == 0:
            assert second_began.wait(60)
        return number * 10

    assert list(made_ahead(make, range(4), threads=2)) == [0, 10, 20, 30]


def test_no_more_are_made_than_threads_before_one_is_taken() -> None:
    made: list[int] = []
    made_by_one = made_ahead(lambda number: made.append(number) or number, range(9), threads=1)

    assert next(made_by_one) == 0
    assert made in ([0], [0, 1])
    assert list(made_by_one) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_an_error_comes_in_its_turn() -> None:
    def make(number: int) -> int:
        if number == 1:
            raise ValueError("number 1")
        return number

    taken: list[int] = []
    with pytest.raises(ValueError, match="number 1"):
        taken += made_ahead(make, range(3), threads=3)
    assert taken == [0]
