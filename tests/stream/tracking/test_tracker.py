"""Tracks keep their ids through misses, crossings, gaps in time and changes of the prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest

from groundcast.model.detections import Detections
from groundcast.stream.options import TrackerOptions
from groundcast.stream.track import Box, Track
from groundcast.stream.tracking.kalman import BoxKalman
from groundcast.stream.tracking.track_clock import TrackClock
from groundcast.stream.tracking.tracker import MAX_TRACKS, Tracker

NAMES = ("red mug", "blue cube")
WIDTH, HEIGHT = 640, 480
RATE_HZ = 20.0


def box_at(cx: float, cy: float, side: float = 40.0) -> Box:
    return cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2


def found(*rows: tuple[str, Sequence[float]], score: float = 0.9) -> Detections:
    return Detections(
        NAMES,
        np.array([box for _, box in rows], np.float32).reshape(-1, 4),
        np.full(len(rows), score, np.float32),
        np.array([NAMES.index(name) for name, _ in rows], np.int64),
    )


class Film:
    """Feeds a tracker frame by frame."""

    kind: Literal["norfair", "own"] = "norfair"

    def __init__(self, rate_hz: float = RATE_HZ, **options: object) -> None:
        self.tracker = Tracker(TrackerOptions(kind=self.kind, **options), "bench-cam-1")  # pyright: ignore[reportArgumentType]
        self.time_s = 100.0
        self.rate_hz = rate_hz

    def show(self, *rows: tuple[str, Sequence[float]], after_s: float | None = None) -> tuple[Track, ...]:
        self.time_s += 1 / self.rate_hz if after_s is None else after_s
        return self.tracker.update(found(*rows), self.time_s, 7_000_000_000, WIDTH, HEIGHT)


@pytest.fixture(params=["norfair", "own"], autouse=True)
def _every_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs once with each kind of tracker."""
    if request.param == "norfair":
        pytest.importorskip("norfair")
    monkeypatch.setattr(Film, "kind", request.param)


def test_a_track_is_tentative_until_it_was_seen_often_enough() -> None:
    film = Film(confirm_hits=3)
    states = [film.show(("red mug", box_at(100, 100)))[0].state for _ in range(4)]
    assert states == ["tentative", "tentative", "matched", "matched"]


def test_the_first_detection_counts_when_one_is_asked_for() -> None:
    assert Film(confirm_hits=1).show(("red mug", box_at(100, 100)))[0].state == "matched"


def test_a_track_tells_its_detection_its_times_and_its_misses() -> None:
    film = Film(confirm_hits=1)
    first = film.show(("red mug", box_at(100, 100)))[0]
    film.show()
    third = film.show()[0]
    assert (first.detected_xyxy, first.misses, first.age_s) == (box_at(100, 100), 0, 0.0)
    assert (third.state, third.detected_xyxy, third.misses) == ("coasting", None, 2)
    assert third.age_s == pytest.approx(2 / RATE_HZ)
    assert third.first_seen_unix_ns == third.last_matched_unix_ns == 7_000_000_000


def test_velocity_is_in_px_per_second_at_any_rate() -> None:
    for rate_hz in (5.0, 30.0):
        film = Film(rate_hz=rate_hz)
        passed_s = [step / rate_hz for step in range(int(3 * rate_hz))]
        tracks = [film.show(("red mug", box_at(50 + 90 * at_s, 400 - 60 * at_s))) for at_s in passed_s][-1]
        assert tracks[0].velocity_px_s == pytest.approx((90.0, -60.0), abs=4.0)


def test_a_track_coasts_for_a_time_and_not_for_a_count_of_frames() -> None:
    for rate_hz in (5.0, 30.0):
        film = Film(rate_hz=rate_hz, coast_s=1.0, confirm_hits=1)
        film.show(("red mug", box_at(100, 100)))
        lived = [bool(film.show()) for _ in range(int(3 * rate_hz))]
        assert sum(lived) / rate_hz == pytest.approx(1.0, abs=1.01 / rate_hz)


@pytest.mark.parametrize("coast_s", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("rate_hz", [0.2, 0.5, 2.0, 25.0])
def test_no_track_coasts_for_longer_than_was_asked_for_whatever_the_rate(rate_hz: float, coast_s: float) -> None:
    film = Film(rate_hz=rate_hz, coast_s=coast_s, confirm_hits=1)
    for _ in range(4):
        film.show(("red mug", box_at(100, 100)))
    coasted = [len(film.show()) for _ in range(int(6 * rate_hz) + 2)]
    assert sum(coasted) == int(coast_s * rate_hz + 1e-6)


def test_a_track_that_may_not_coast_ends_though_no_time_has_passed() -> None:
    film = Film(coast_s=0.0, confirm_hits=2)
    mug = ("red mug", box_at(100, 100))
    assert [len(film.show(*rows, after_s=0.0)) for rows in ([mug], [], [mug], [mug], [])] == [1, 0, 1, 1, 0]


def test_a_gap_of_frames_coasts_as_far_as_the_frames_would_have() -> None:
    def after(gaps_s: Sequence[float]) -> Track:
        film = Film()
        for step in range(40):
            film.show(("red mug", box_at(100 + 4 * step, 200 + 2 * step)))
        return [film.show(after_s=gap_s) for gap_s in gaps_s][-1][0]

    stepwise, at_once = after([0.05] * 8), after([0.4])
    assert at_once.box_xyxy == pytest.approx(stepwise.box_xyxy, abs=1e-6)
    assert at_once.box_xyxy[0] == pytest.approx(80 + 4 * 47, abs=3.0)


def test_a_track_survives_a_gap_in_time_when_it_goes_on_where_expected() -> None:
    film = Film()
    before = [film.show(("red mug", box_at(100 + 5 * step, 200))) for step in range(30)][-1]
    after = film.show(("red mug", box_at(100 + 5 * 43, 200)), after_s=14 / RATE_HZ)
    assert [track.id for track in after] == [before[0].id]
    assert after[0].state == "matched"


@pytest.mark.parametrize("coast_s", [0.0, 1.0])
def test_a_slow_detector_still_tracks_what_stands_still(coast_s: float) -> None:
    film = Film(rate_hz=0.3, coast_s=coast_s)
    ids = {track.id for _ in range(6) for track in film.show(("red mug", box_at(100, 100)))}
    assert ids == {1}


def test_equal_backward_and_senseless_times_lose_no_track() -> None:
    film = Film()
    for _ in range(10):
        film.show(("red mug", box_at(100, 100)))
    ids = [film.show(("red mug", box_at(100, 100)), after_s=step)[0].id for step in (0.0, 0.0, -30.0, 0.05, math.nan)]
    film.time_s = 70.2
    last = film.show(("red mug", box_at(100, 100)))
    assert ids == [1] * 5
    assert (last[0].id, last[0].state) == (1, "matched")
    assert last[0].velocity_px_s == pytest.approx((0, 0), abs=1.0)


def test_a_clock_never_runs_back() -> None:
    clock, read = TrackClock(), list[float]()
    for time_s in (5.0, 5.1, 5.2, 5.2, 3.0, 3.1, math.inf, 3.2):
        clock.advance(time_s)
        read.append(clock.now_s)
    assert read == pytest.approx([0.0, 0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert all(before <= after for before, after in pairwise(read))


def test_a_track_never_changes_its_phrase() -> None:
    film = Film()
    for _ in range(5):
        film.show(("red mug", box_at(100, 100)))
    tracks = [film.show(("blue cube", box_at(100, 100))) for _ in range(5)][-1]
    assert {(track.id, track.phrase, track.state) for track in tracks} == {
        (1, "red mug", "coasting"),
        (2, "blue cube", "matched"),
    }


def test_two_of_the_same_kind_keep_their_ids_when_they_cross() -> None:
    film = Film()
    rows: list[tuple[Track, ...]] = []
    for step in range(60):
        one, other = box_at(100 + 6 * step, 200, 40), box_at(460 - 6 * step, 212, 40)
        hidden = abs(one[0] - other[0]) < 15
        rows.append(film.show(("red mug", one), *([] if hidden else [("red mug", other)])))
    rightmost = {max(rows[step], key=lambda track: track.box_xyxy[0]).id for step in (10, 59)}
    assert {track.id for tracks in rows for track in tracks} == {1, 2}
    assert rightmost == {1, 2}


def test_a_thing_that_another_one_passes_keeps_its_id() -> None:
    film = Film(rate_hz=30)
    ids: set[int] = set()
    for step in range(150):
        left, right = 300.0, 370.0
        cover_left = -100 + 5 * step  # 100 px wide, passing from left to right: what shows shrinks, then grows again
        left = min(right, max(left, cover_left + 100)) if cover_left <= left else left
        right = max(left, min(right, cover_left)) if cover_left > 300 else right
        shows = right - left > 20
        ids |= {track.id for track in film.show(*([("red mug", (left, 200, right, 260))] if shows else []))}
    assert ids == {1}


def test_a_small_and_fast_thing_is_followed_though_its_boxes_do_not_overlap() -> None:
    film = Film()
    ids = {track.id for step in range(30) for track in film.show(("red mug", box_at(20 + 14 * step, 240, 12)))}
    assert ids == {1}


def test_what_makes_no_sense_is_left_out() -> None:
    nan, inf = math.nan, math.inf
    senseless = [
        (nan, 0, 10, 10),
        (0, 0, nan, 10),
        (inf, 10, inf, 50),
        (50, 50, 50, 80),
        (80, 50, 50, 80),
        (700, 10, 760, 50),
        (-60, 10, -20, 50),
    ]
    film = Film(confirm_hits=1)
    assert film.show(*(("red mug", box) for box in senseless)) == ()
    assert film.tracker.update(found(("red mug", box_at(9, 9)), score=nan), 101.0, None, WIDTH, HEIGHT) == ()


def test_boxes_are_clipped_to_the_picture() -> None:
    track = Film(confirm_hits=1).show(("red mug", (-20, -5, 60, math.inf)))[0]
    assert track.detected_xyxy == (0, 0, 60, HEIGHT)
    assert track.box_xyxy == pytest.approx((0, 0, 60, HEIGHT))


def test_a_track_that_leaves_the_picture_ends() -> None:
    film = Film(coast_s=5.0)
    for step in range(20):
        film.show(("red mug", box_at(430 + 10 * step, 200)))
    assert [len(film.show()) for _ in range(10)][-1] == 0


def test_a_changed_prompt_keeps_the_tracks_that_are_still_asked_for() -> None:
    film = Film()
    for _ in range(5):
        film.show(("red mug", box_at(100, 100)), ("blue cube", box_at(300, 300)))
    film.tracker.keep_phrases(["blue cube", "green can"])
    assert [(track.id, track.phrase) for track in film.show(("blue cube", box_at(300, 300)))] == [(2, "blue cube")]


def test_ids_and_uids_are_not_used_again_after_a_reset() -> None:
    film = Film()
    before = film.show(("red mug", box_at(100, 100)))[0]
    film.tracker.reset()
    after = film.show(("red mug", box_at(100, 100)))[0]
    assert (before.id, before.uid, after.id, after.uid) == (1, "bench-cam-1-1", 2, "bench-cam-1-2")


def test_tracks_end_when_the_picture_changes_size() -> None:
    film = Film()
    film.show(("red mug", box_at(100, 100)))
    assert film.tracker.update(found(), film.time_s + 0.05, None, WIDTH * 2, HEIGHT * 2) == ()


def test_matched_tracks_alone_are_given_where_they_alone_are_asked_for() -> None:
    film = Film(publish="matched", confirm_hits=2)
    mug = ("red mug", box_at(100, 100))
    assert [len(film.show(*rows)) for rows in ([mug], [mug], [], [mug])] == [0, 1, 0, 1]


def test_files_have_times_on_the_video_only() -> None:
    tracker = Tracker(TrackerOptions(confirm_hits=1, kind=Film.kind), "x")
    track = tracker.update(found(("red mug", box_at(100, 100))), 0.0, None, WIDTH, HEIGHT)[0]
    assert (track.first_seen_unix_ns, track.last_matched_unix_ns) == (None, None)


def test_one_long_prediction_is_as_good_as_many_short_ones() -> None:
    def moved(steps_s: Sequence[float]) -> BoxKalman:
        step_s = [0.0]
        motion = BoxKalman(np.array([[100.0, 100.0], [40.0, 30.0]]), lambda: step_s[0])
        for cx in (102.0, 104.0, 106.0):
            step_s[0] = 0.04
            motion.predict()
            motion.update(np.array([[cx], [100.0], [40.0], [30.0]]))
        for step_s[0] in steps_s:
            motion.predict()
        return motion

    once, often = moved([0.5]), moved([0.05] * 10)
    np.testing.assert_allclose(once.x, often.x)
    assert once.centre_error_px == pytest.approx(often.centre_error_px)


def test_three_hundred_boxes_are_linked_without_a_mix_up() -> None:
    centres = [(40 + 30 * column, 30 + 28 * row) for row in range(15) for column in range(20)]
    film = Film()
    tracks = [film.show(*(("red mug", box_at(x + step, y, 20)) for x, y in centres)) for step in range(5)][-1]
    assert [track.id for track in tracks] == list(range(1, 301))
    for track, (x, y) in zip(tracks, centres, strict=True):
        assert track.box_xyxy == pytest.approx(box_at(x + 4, y, 20), abs=2.0)


def test_of_more_boxes_than_may_be_tracked_the_best_stay_and_the_others_are_counted() -> None:
    count = MAX_TRACKS + 200
    corners = np.array([box_at(20 + 12 * (i % 50), 20 + 16 * (i // 50), 10) for i in range(count)], np.float32)
    scores = np.linspace(0.1, 0.9, count, dtype=np.float32)
    seen = Detections(NAMES, corners, scores, np.zeros(count, np.int64))
    tracker = Tracker(TrackerOptions(kind=Film.kind), "bench-cam-1")
    tracks = tracker.update(seen, 0.0, None, WIDTH, HEIGHT)
    assert (len(tracks), tracker.left_out) == (MAX_TRACKS, 200)
    assert min(track.score for track in tracks) == pytest.approx(float(scores[200]))


def test_what_is_matched_outlives_what_coasts_where_there_are_too_many_tracks() -> None:
    centres = [(30 * i + 30, 440) for i in range(10)] + [
        (20 + 12 * (i % 50), 20 + 16 * (i // 50)) for i in range(MAX_TRACKS)
    ]
    film = Film(confirm_hits=1)
    film.show(*(("red mug", box_at(*at, 10)) for at in centres[10:]))
    tracks = film.show(*(("red mug", box_at(*at, 10)) for at in centres[:20]))
    assert (len(tracks), film.tracker.left_out) == (MAX_TRACKS, 10)
    assert sum(track.state == "matched" for track in tracks) == 20
