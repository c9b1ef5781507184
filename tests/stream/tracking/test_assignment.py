from __future__ import annotations

import numpy as np

from groundcast.stream.tracking.assignment import assign, same_phrase


def test_the_sum_of_costs_is_smallest_and_not_each_cost() -> None:
    assert assign(np.array([[0.1, 0.2], [0.15, 0.9]]), 1.0) == ([0, 1], [1, 0])


def test_what_costs_too_much_stays_alone() -> None:
    assert assign(np.array([[0.1, np.inf], [np.inf, 0.9]]), 0.8) == ([0], [0])


def test_phrases_are_compared_pair_by_pair() -> None:
    assert same_phrase(["mug", "cube", "can"], ["cube", "mug"]).tolist() == [
        [False, True],
        [True, False],
        [False, False],
    ]
