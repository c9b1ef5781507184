from __future__ import annotations

import pytest

from groundcast.stream.latency import LatencyMeter


def test_there_are_no_percentiles_before_the_first_result() -> None:
    assert LatencyMeter().percentiles() == {}


def test_percentiles_are_those_of_the_last_ten_thousand_results() -> None:
    meter = LatencyMeter()
    for _ in range(500):
        meter.add(1e6)
    for number in range(10_000):
        meter.add(number / 100)
    assert meter.percentiles() == pytest.approx({"p50": 49.995, "p95": 94.99, "p99": 98.99}, abs=0.01)
