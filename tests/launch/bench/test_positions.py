"""The positions benchmark on a few rendered scenes: its figures are those of its own bars."""

from __future__ import annotations

import pytest

from groundcast.launch.bench.eye_in_hand import bench_eye_in_hand


@pytest.mark.bar
@pytest.mark.slow
def test_a_moving_camera_is_as_exact_as_one_that_stands_still_but_not_with_the_newest_pose() -> None:
    figures = bench_eye_in_hand(2, seed=1)
    assert figures["moving_mm"] <= figures["still_mm"] + 3.0
    assert figures["newest_mm"] > figures["still_mm"] + 3.0


@pytest.mark.bar
@pytest.mark.slow
def test_depth_finds_things_to_millimetres_in_rendered_scenes() -> None:
    pytest.importorskip("mujoco")
    from groundcast.launch.bench.positions import bench_positions

    methods = bench_positions(12, seed=3)["methods"]
    for method in ("depth", "depth, plane not known"):
        assert methods[method]["positions"] >= 40
        assert methods[method]["median_mm"] <= 5.0
        assert methods[method]["share_over_50_mm"] <= 0.02
