"""Both kinds of tracker hold ids on crowds, and no worse than public trackers on the same detections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream.options import TrackerKind, TrackerOptions
from groundcast.stream.tracking.tracker import Tracker

from .compare_trackers import KEPT_SEEDS, ours, peers, sequences, track
from .fast_score import Figures, score
from .simulated_crowd import simulate

# norfair plain, ByteTrack, SORT and OC-SORT are what must be reached; BoT-SORT is shown beside them.
TO_REACH = ("norfair plain", "SORT", "ByteTrack", "OC-SORT")


@pytest.mark.parametrize("kind", ["norfair", "own"])
@pytest.mark.parametrize(("group", "least"), [("slow", 0.68), ("shake", 0.68)])
def test_ids_hold_in_a_crowd(kind: TrackerKind, group: str, least: float) -> None:
    pytest.importorskip("norfair" if kind == "norfair" else "scipy")
    sequence = simulate(group, 1, 5.0)
    reached = score(sequence, track(sequence, Tracker(TrackerOptions(kind=kind, publish="matched"), "x")))
    print(f"{group}, {kind}: MOTA {reached.mota:.3f}, IDF1 {reached.idf1:.3f}, {reached.switches} switches")
    assert reached.idf1 >= least


def test_the_scale_of_scores_changes_nothing() -> None:
    sequence = simulate("slow", 2, 5.0)
    quiet = [np.concatenate([rows[:, :4], 0.5 * rows[:, 4:]], axis=1) for rows in sequence.detections]
    ids = [
        [rows[:, 4].tolist() for rows in track(sequence, Tracker(TrackerOptions(kind="own"), "x"), detections)]
        for detections in (None, quiet)
    ]
    assert ids[0] == ids[1]


@pytest.mark.bar
@pytest.mark.slow
def test_ids_hold_as_well_as_with_public_trackers(tmp_path: Path) -> None:
    python = _environment(tmp_path / "env")
    several = sequences(KEPT_SEEDS)
    kinds: tuple[TrackerKind, ...] = ("norfair", "own")
    reached: dict[str, list[Figures]] = {kind: ours(kind, several) for kind in kinds}
    for name, tracks in peers(python, several, tmp_path).items():
        reached[name] = [score(one, rows) for one, rows in zip(several, tracks, strict=True)]
    means = {name: _means(ones) for name, ones in reached.items()}
    for name, (mota, idf1, switches) in means.items():
        print(f"{name:16}MOTA {mota:.3f}, IDF1 {idf1:.3f}, {switches} switches")
    best_mota, best_idf1 = (max(means[name][at] for name in TO_REACH) for at in (0, 1))
    for kind in kinds:
        assert means[kind][1] >= best_idf1
        assert means[kind][0] >= best_mota - 0.01


def _means(figures: list[Figures]) -> tuple[float, float, int]:
    """Of the sequences: mean MOTA, mean IDF1, all switches."""
    return (
        float(np.mean([one.mota for one in figures])),
        float(np.mean([one.idf1 for one in figures])),
        sum(one.switches for one in figures),
    )


def _environment(folder: Path) -> str:
    """A Python with the public trackers, which want another numpy than norfair's newest does."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    for packages in (["trackers>=2.6", "filterpy"], ["--no-deps", "norfair"]):  # they ask for other versions of rich
        install = subprocess.run(
            [python, "-m", "pip", "install", "-q", *packages], capture_output=True, text=True, check=False
        )
        if install.returncode:
            pytest.skip(f"the public trackers cannot be installed: {install.stderr.strip()[-200:]}")
    return python
