"""The linker without norfair: what holds for any boxes, and what brings a lost track back."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from groundcast.stream.options import TrackerOptions
from groundcast.stream.track import Box
from groundcast.stream.tracking.linker import LinkedDetection
from groundcast.stream.tracking.own_linker import OwnLinker
from groundcast.stream.tracking.track_clock import TrackClock

STEP_S = 0.1
SIDES = st.floats(4.0, 200.0)
BOXES = st.tuples(st.floats(0.0, 600.0), st.floats(0.0, 440.0), SIDES, SIDES)
ROWS = st.tuples(BOXES, st.sampled_from(("mug", "cube")), st.floats(0.05, 1.0))
FILMS = st.lists(st.lists(ROWS, max_size=6), min_size=1, max_size=8)


class Film:
    """Feeds a linker frame by frame."""

    def __init__(self, **options: float) -> None:
        self.clock = TrackClock()
        self.linker = OwnLinker(TrackerOptions(kind="own", **options), self.clock)  # pyright: ignore[reportArgumentType]
        self.frame = 0

    def show(self, *boxes: Box, score: float = 0.9) -> dict[int, Box]:
        """The tracks of this frame's detections."""
        return self.show_rows([(box, "mug", score) for box in boxes])

    def show_rows(self, rows: list[tuple[Box, str, float]]) -> dict[int, Box]:
        self.frame += 1
        self.clock.advance(self.frame * STEP_S)
        found = [LinkedDetection(self.frame, self.clock.now_s, None, name, score, box) for box, name, score in rows]
        self.linker.update(found)
        return {track.id: track.last.box_xyxy for track in self.linker.tracks if track.last.frame == self.frame}


def corners(row: tuple[float, float, float, float]) -> Box:
    left, top, width, height = row
    return left, top, left + width, top + height


def person(x: float, y: float = 200.0) -> Box:
    return x, y, x + 40.0, y + 100.0


@settings(max_examples=60, deadline=None)
@given(FILMS)
def test_a_detection_is_in_one_track_at_most_and_a_track_keeps_its_phrase(
    frames: list[list[tuple[tuple[float, float, float, float], str, float]]],
) -> None:
    film, phrases = Film(), dict[int, str]()
    for rows in frames:
        film.show_rows([(corners(box), name, score) for box, name, score in rows])
        tracks = film.linker.tracks
        ids = [track.id for track in tracks]
        now = [id(track.last) for track in tracks if track.last.frame == film.frame]
        assert ids == sorted(set(ids))
        assert len(now) == len(set(now)) <= len(rows)
        for track in tracks:
            assert phrases.setdefault(track.id, track.last.phrase) == track.last.phrase


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.lists(st.sampled_from(range(1, 6)), min_size=1, max_size=5))
def test_the_order_of_detections_changes_no_link(order: list[int], shown: list[int]) -> None:
    one, other = Film(), Film()
    for step, count in enumerate(shown):
        boxes = [person(90.0 * place + 7.0 * step + place, 150.0 + 5.0 * place) for place in order[:count]]
        one.show(*boxes)
        other.show(*reversed(boxes))
        assert {(track.first, track.last) for track in one.linker.tracks} == {
            (track.first, track.last) for track in other.linker.tracks
        }


def test_weak_detections_continue_a_track_and_start_none() -> None:
    film = Film()
    for _ in range(10):
        film.show(person(100))
    found = film.show_rows([(person(100), "mug", 0.2), (person(400), "mug", 0.2)])
    assert found == {1: person(100)}


def test_the_scores_of_one_phrase_make_no_other_phrase_weak() -> None:
    film = Film()
    for _ in range(10):
        film.show(person(100))
    found = film.show_rows([(person(100), "mug", 0.9), (person(400), "cube", 0.2)])
    assert found == {1: person(100), 2: person(400)}


def test_a_lost_track_comes_back_with_its_id_near_where_it_was_expected() -> None:
    film = Film()
    for _ in range(10):
        film.show(person(100))
    film.linker.lose({1})
    for _ in range(12):
        assert film.show() == {}
    assert film.show(person(105)) == {1: person(105)}


def test_a_track_that_was_ended_does_not_come_back() -> None:
    film = Film()
    for _ in range(10):
        film.show(person(100))
    film.linker.end({1})
    assert film.show(person(100)) == {2: person(100)}


def test_people_who_cross_keep_their_ids() -> None:
    film, found = Film(), dict[int, Box]()
    for step in range(40):
        going, coming = person(100 + 8 * step), person(420 - 8 * step, 204)
        hidden = abs(going[0] - coming[0]) < 24
        found = film.show(*([going] if hidden else [going, coming]))
        assert hidden or found == {1: going, 2: coming}


def test_a_camera_that_jumps_costs_no_id() -> None:
    film, places, found = Film(), (60, 190, 280, 410, 520), dict[int, Box]()
    for step in range(30):
        shift = 45 if step % 6 in {3, 4} else 0
        found = film.show(*(person(x + shift, 200 + shift / 3) for x in places))
    assert sorted(found) == [1, 2, 3, 4, 5]


def test_the_own_kind_imports_no_norfair() -> None:
    code = (
        "import sys; from groundcast.stream.options import TrackerOptions; "
        "from groundcast.stream.tracking.tracker import Tracker; Tracker(TrackerOptions(kind='own'), 'x'); "
        "sys.exit('norfair' in sys.modules or 'numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
