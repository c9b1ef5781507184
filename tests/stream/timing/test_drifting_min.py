from __future__ import annotations

import pytest

from groundcast.stream.timing.drifting_min import DriftingMin


def test_the_minimum_is_kept_while_larger_values_come() -> None:
    minimum = DriftingMin()
    assert [minimum.add(0.0, value) for value in (0.3, 0.2, 0.9)] == [0.3, 0.2, 0.2]


def test_the_minimum_rises_by_five_thousandths_a_second() -> None:
    minimum = DriftingMin()
    minimum.add(0.0, 1.0)
    assert minimum.add(60.0, 9.0) == pytest.approx(1.3)
    assert minimum.add(1e6, 9.0) == 9.0


def test_a_time_that_runs_back_does_not_lower_the_minimum() -> None:
    minimum = DriftingMin()
    minimum.add(100.0, 1.0)
    assert minimum.add(0.0, 9.0) == 1.0
