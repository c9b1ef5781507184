from __future__ import annotations

from itertools import pairwise

import pytest

from groundcast.stream.timing.media_time import MediaTime

RATE_HZ = 25.0


def _times(media: MediaTime, frames: list[tuple[float | None, float]]) -> list[float]:
    """The times of frames given as (presentation time, arrival), both in seconds."""
    return [media.advance(pts_s, int(arrived_s * 1e9), RATE_HZ) for pts_s, arrived_s in frames]


def test_a_recording_keeps_its_own_uneven_times() -> None:
    assert _times(MediaTime(live=False), [(7.0, 0.0), (7.5, 0.0), (17.5, 0.0)]) == pytest.approx([0.0, 0.5, 10.5])


def test_frames_without_times_follow_the_stated_rate() -> None:
    assert _times(MediaTime(live=False), [(None, 0.0)] * 3) == pytest.approx([0.0, 0.04, 0.08])


def test_a_repeated_or_backward_time_moves_on_by_one_interval() -> None:
    times = _times(MediaTime(live=False), [(1.0, 0.0), (1.0, 0.0), (0.2, 0.0), (0.3, 0.0)])
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.18])


def test_jitter_of_arrival_does_not_reach_the_times() -> None:
    arrivals = [0.0, 0.3, 0.301, 0.302, 0.303]
    times = _times(MediaTime(live=True), [(0.04 * i, arrived_s) for i, arrived_s in enumerate(arrivals)])
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])


@pytest.mark.parametrize("leap_s", [-500.0, 500.0])
def test_a_camera_that_starts_its_times_anew_does_not_make_the_time_jump(leap_s: float) -> None:
    frames: list[tuple[float | None, float]] = [(10.0, 0.0), (10.04, 0.04), (10.08 + leap_s, 0.08)]
    times = _times(MediaTime(live=True), [*frames, (10.12 + leap_s, 0.12)])
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_times_that_stand_still_are_replaced_by_the_time_that_passed() -> None:
    assert _times(MediaTime(live=True), [(5.0, 0.1 * i) for i in range(4)]) == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_after_a_lost_connection_the_pause_counts() -> None:
    media = MediaTime(live=True)
    before = _times(media, [(100.0, 0.0), (100.04, 0.04)])
    media.restart()
    after = _times(media, [(0.0, 3.04), (0.04, 3.08)])
    assert before + after == pytest.approx([0.0, 0.04, 3.04, 3.08])


def test_time_never_runs_backwards() -> None:
    chaos: list[tuple[float | None, float]] = [(5.0, 0.0), (None, 0.0), (4.0, 0.0), (9e9, 0.0), (-3.0, 0.0), (4.1, 0.0)]
    for live in (False, True):
        assert all(later > earlier for earlier, later in pairwise(_times(MediaTime(live=live), chaos)))
