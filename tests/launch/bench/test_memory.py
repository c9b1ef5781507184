"""Memory over many pictures: what counts as flat."""

from __future__ import annotations

import pytest
import torch

from groundcast.launch.bench.memory import bench_memory, growth

MIB = 1 << 20


def test_what_settles_is_flat_and_what_leaks_is_not() -> None:
    settles = [400 * MIB, 900 * MIB, *[1000 * MIB + row % 3 * MIB for row in range(198)]]
    leaks = [1000 * MIB + row * MIB for row in range(200)]
    assert growth(settles).flat
    assert not growth(leaks).flat
    assert growth(leaks).end_mib == pytest.approx(1199)


@pytest.mark.slow
def test_the_detector_keeps_nothing_of_pictures_it_has_seen() -> None:
    sizes = ((96, 128), (120, 90), (64, 64))
    result = bench_memory(200, "tabletop", "red cube", 96, torch.device("cpu"), sizes)
    assert result["flat"]
    assert len(result["host_mib"]) == 200
    assert 100.0 < result["host"]["begin_mib"] < 10_000.0
