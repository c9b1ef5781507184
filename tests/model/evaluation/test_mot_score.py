"""Tracking figures count identities, and leave out objects that are hardly visible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundcast.model.evaluation.mot_score import TrackBox, score_tracks

pytest.importorskip("motmetrics", reason="needs the [eval] extra")

Frames = list[list[TrackBox]]


def _truth(frames: int = 20) -> Frames:
    """A mug and a cube that stand beside each other."""
    mug = TrackBox(1, "red mug", (0.0, 0.0, 40.0, 40.0))
    cube = TrackBox(2, "blue cube", (100.0, 0.0, 140.0, 40.0))
    return [[mug, cube] for _ in range(frames)]


def test_perfect_tracks_score_one() -> None:
    score = score_tracks(_truth(), [[replace(one, id=one.id + 70) for one in frame] for frame in _truth()])

    assert (score.mota, score.idf1, score.objects) == (1.0, 1.0, 40)


def test_a_track_of_another_phrase_is_wrong_even_in_the_right_place() -> None:
    found = [[replace(frame[0], phrase="red can"), frame[1]] for frame in _truth()]

    score = score_tracks(_truth(), found)

    assert (score.mota, score.misses, score.false_boxes) == (0.0, 20, 20)


def test_a_new_id_halfway_is_one_switch_and_costs_half_the_identity() -> None:
    found = [[replace(frame[0], id=5 if row < 10 else 6), frame[1]] for row, frame in enumerate(_truth())]

    score = score_tracks(_truth(), found)

    assert score.switches == 1
    assert score.idf1 == pytest.approx(0.75)


def test_what_does_not_count_is_neither_missed_nor_false() -> None:
    truth = [[replace(frame[0], counted=row >= 10), frame[1]] for row, frame in enumerate(_truth())]
    found_always, found_late = _truth(), [frame if row >= 10 else frame[1:] for row, frame in enumerate(_truth())]

    assert score_tracks(truth, found_always).mota == 1.0
    assert score_tracks(truth, found_late).mota == 1.0


def test_a_box_on_a_counted_object_is_not_excused_by_an_uncounted_one_beside_it() -> None:
    hidden = TrackBox(3, "red mug", (4.0, 0.0, 40.0, 40.0), counted=False)
    truth = [[*frame, hidden] for frame in _truth()]

    assert score_tracks(truth, _truth()).mota == 1.0
    twice = [[*frame, replace(frame[0], id=9, box_xyxy=(200.0, 0.0, 240.0, 40.0))] for frame in _truth()]
    assert score_tracks(truth, twice).false_boxes == 20


def test_empty_frames_are_judged_too() -> None:
    truth = [*_truth(5), [], []]
    found = [*_truth(5), [], _truth(1)[0]]

    score = score_tracks(truth, found)

    assert (score.misses, score.false_boxes) == (0, 2)


def test_another_number_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="5 frames of truth need as many frames of tracks, not 4"):
        score_tracks(_truth(5), _truth(4))
