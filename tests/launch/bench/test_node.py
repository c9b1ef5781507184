"""A node measured from a subscriber: what is made of its messages, and how the most cameras are looked for."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.launch.bench.node import NodeFigures, bench_node, figures_of, search

from ...stream.spoken import detections

_FIGURES = NodeFigures(1, {"p50": 0.0, "p95": 0.0, "p99": 0.0}, 30.0, 30.0, 0.0, {}, 1.0, 2, 0.5, "nothing yet")


@pytest.mark.parametrize(("most", "first"), [(5, 1), (5, 8), (0, 4), (1, 1), (16, 2), (45, 16)])
def test_the_most_cameras_within_the_bar_are_found(most: int, first: int) -> None:
    def measure(cameras: int) -> NodeFigures:
        p95_ms = 70.0 if cameras <= most else 80.0
        return replace(_FIGURES, cameras=cameras, latency_ms={"p95": p95_ms})

    runs = list(search(measure, first))
    good = [run.cameras for run in runs if run.latency_ms["p95"] == 70.0]
    best = max(good, default=0)
    assert most - most // 8 <= best <= most
    assert min(run.cameras for run in runs if run.latency_ms["p95"] == 80.0) - best <= max(1, best // 8)
    assert len(runs) <= 10


def test_a_node_that_drops_with_cores_to_spare_is_limited_by_its_detector() -> None:
    said = [
        (
            replace(
                detections(row, source=f"camera{row % 2}"), dropped=row % 3, stage_ms={"decode": 4.0, "infer": 50.0}
            ),
            40.0,
        )
        for row in range(60)
    ]
    figures = figures_of(said, 2, 6.0, 3.0)
    assert (figures.fps, figures.slowest_fps, figures.dropped) == (5.0, 5.0, 0.5)
    assert (figures.node_cores, figures.detecting) == (0.5, 0.5)
    assert figures.latency_ms == {"p50": 40.0, "p95": 40.0, "p99": 40.0}
    assert figures.limit == "the detector"


@pytest.mark.slow
def test_a_real_node_is_heard_from_a_real_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = bench_node(1, 2.0, "320x240", {"name": "tabletop", "device": "cpu"}, "red cube", find=False)
    (run,) = result["runs"]
    assert run["cameras"] == 1
    assert run["fps"] > 0.0
    assert 0.0 < run["latency_ms"]["p50"] <= run["latency_ms"]["p95"]
    assert run["stage_ms"]["infer"] > 0.0
