"""Chooses the own tracker's constants by leave-one-out: for each group of sequences by all others.

    python -m tests.stream.tracking.choose_constants [SEEDS]

Each candidate is the constants in use with one of them changed. The table shows, for each group, which candidate the
other groups choose, and what it and the constants in use reach on the group that was left out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from groundcast.stream.options import TrackerOptions
from groundcast.stream.tracking.own_linker import CONSTANTS, LinkerConstants, OwnLinker
from groundcast.stream.tracking.track_clock import TrackClock
from groundcast.stream.tracking.tracker import Tracker

from .compare_trackers import sequences, track
from .fast_score import Figures, score, total
from .mot_sequence import Sequence

IN_USE = "in use"


def candidates() -> dict[str, LinkerConstants]:
    """The constants in use, and each with one changed, by what was changed."""
    noise, gates = CONSTANTS.noise, CONSTANTS.gates
    changed = {
        "weak_share": [replace(CONSTANTS, weak_share=value) for value in (0.0, 0.75)],
        "born_share": [replace(CONSTANTS, born_share=value) for value in (0.6, 0.9)],
        "weak_min_iou": [replace(CONSTANTS, weak_min_iou=value) for value in (0.2, 0.5)],
        "tentative_min_iou": [replace(CONSTANTS, tentative_min_iou=value) for value in (0.1, 0.3)],
        "lost_s": [replace(CONSTANTS, lost_s=value) for value in (0.0, 4.0)],
        "centre": [replace(CONSTANTS, noise=replace(noise, centre=value)) for value in (0.05, 0.1)],
        "acceleration": [replace(CONSTANTS, noise=replace(noise, acceleration=value)) for value in (0.7, 1.4)],
        "start_speed": [replace(CONSTANTS, noise=replace(noise, start_speed=value)) for value in (5.0, 20.0)],
        "size_weight": [replace(CONSTANTS, gates=replace(gates, size_weight=value)) for value in (0.1, 0.4)],
        "max_margin": [replace(CONSTANTS, gates=replace(gates, max_margin=value)) for value in (0.35, 0.7)],
    }
    named = {f"{name} {end}": one for name, ones in changed.items() for end, one in zip("-+", ones, strict=True)}
    return {IN_USE: CONSTANTS, **named}


def figures(constants: LinkerConstants, several: list[Sequence]) -> dict[str, Figures]:
    """What the own kind reaches with these constants, by group."""
    of_group: dict[str, list[Figures]] = {}
    for one in several:
        of_group.setdefault(one.group, []).append(score(one, track(one, _tracker(constants))))
    return {group: total(ones) for group, ones in of_group.items()}


def chosen_without(group: str, table: Mapping[str, Mapping[str, Figures]]) -> str:
    """The candidate with the best mean of IDF1 and half of MOTA over the other groups."""

    def worth(name: str) -> float:
        return sum(one.idf1 + 0.5 * one.mota for other, one in table[name].items() if other != group)

    return max(table, key=worth)


def _tracker(constants: LinkerConstants) -> Tracker:
    options = TrackerOptions(kind="own", publish="matched")

    def make(options: TrackerOptions, clock: TrackClock) -> OwnLinker:
        return OwnLinker(options, clock, constants)

    return Tracker(options, "x", make_linker=make)


def main() -> None:
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    several = sequences(seeds)
    table: dict[str, dict[str, Figures]] = {}
    for name, constants in candidates().items():
        table[name] = figures(constants, several)
        cells = " ".join(f"{one.mota:.3f}/{one.idf1:.3f}" for one in table[name].values())
        print(f"{name:22}{cells}", flush=True)
    print("\nleft out     chosen by the others   MOTA   IDF1   in use: MOTA   IDF1")
    for group, usual in table[IN_USE].items():
        name = chosen_without(group, table)
        best = table[name][group]
        print(f"{group:13}{name:21}{best.mota:8.3f}{best.idf1:7.3f}{usual.mota:15.3f}{usual.idf1:7.3f}")


if __name__ == "__main__":
    main()
