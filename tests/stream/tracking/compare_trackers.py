"""Compares both kinds of tracker with public ones on the same detections, by the same score.

    python -m tests.stream.tracking.compare_trackers [PYTHON]

PYTHON is one of another environment, which has the packages `trackers` and `norfair`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from groundcast.model.detections import Detections
from groundcast.stream.options import TrackerKind, TrackerOptions
from groundcast.stream.tracking.tracker import Tracker

from .fast_score import Figures, score, total
from .mot_sequence import TUD_CAMPUS, Array, Sequence, read_tud_campus
from .simulated_crowd import SCENES, simulate

KEPT_SEEDS = range(100, 104)  # no constant was chosen on these


def sequences(seeds: range) -> list[Sequence]:
    """TUD-Campus, where it is there, and a sequence of each group and seed."""
    real = [read_tud_campus()] if TUD_CAMPUS.exists() else []
    return real + [simulate(group, seed) for group in SCENES for seed in seeds]


def ours(kind: TrackerKind, several: list[Sequence]) -> list[Figures]:
    """What a kind of tracker reaches at its defaults."""
    return [score(one, track(one, Tracker(TrackerOptions(kind=kind, publish="matched"), "x"))) for one in several]


def track(sequence: Sequence, tracker: Tracker, detections: list[Array] | None = None) -> list[Array]:
    """The tracks of each frame, by the sequence's detections or by others."""
    tracks: list[Array] = []
    for time_s, rows in zip(sequence.times_s, detections or sequence.detections, strict=True):
        found = Detections(
            ("person",), rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32), np.zeros(len(rows), np.int64)
        )
        seen = tracker.update(found, float(time_s), None, sequence.width, sequence.height)
        tracks.append(np.array([[*one.box_xyxy, one.id] for one in seen]).reshape(-1, 5))
    return tracks


def peers(python: str, several: list[Sequence], folder: Path) -> dict[str, list[list[Array]]]:
    """The tracks of public trackers, by name: run by a Python that has them."""
    for number, one in enumerate(several):
        counts = [len(rows) for rows in one.detections]
        np.savez(
            folder / f"{number:03}.in.npz", counts=counts, rows=np.concatenate(one.detections), rate_hz=one.rate_hz
        )
    script = Path(__file__).with_name("peer_trackers.py")
    subprocess.run([python, "-W", "ignore", str(script), str(folder)], check=True)
    tracks: dict[str, list[list[Array]]] = {}
    for path in sorted(folder.glob("*.out.npz")):
        with np.load(path) as file:
            rows = np.split(file["rows"], np.cumsum(file["counts"])[:-1])
        tracks.setdefault(path.name.split(".")[1], []).append(rows)
    return tracks


def main() -> None:
    """Print MOTA, IDF1 and switches of both kinds, and of public trackers where a Python that has them is named."""
    python = sys.argv[1] if len(sys.argv) > 1 else None
    several = sequences(KEPT_SEEDS)
    kinds: tuple[TrackerKind, ...] = ("norfair", "own")
    reached: dict[str, list[Figures]] = {kind: ours(kind, several) for kind in kinds}
    if python is not None:
        with TemporaryDirectory() as folder:
            for name, tracks in peers(python, several, Path(folder)).items():
                reached[name] = [score(one, rows) for one, rows in zip(several, tracks, strict=True)]
    groups = list(dict.fromkeys(one.group for one in several))
    print(f"{'MOTA IDF1 switches':20}" + "".join(f"{group:>20}" for group in groups))
    for name, ones in reached.items():
        of_group = [total(f for f, s in zip(ones, several, strict=True) if s.group == group) for group in groups]
        print(f"{name:20}" + "".join(f"{one.mota:9.3f}{one.idf1:6.3f}{one.switches:5d}" for one in of_group))


if __name__ == "__main__":
    main()
