"""Drawings: readable, inside the picture, and in the colour that a phrase names."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from groundcast.launch.show.draw import Drawn, _Label, _place, colour_of, draw, drawn_detections, drawn_tracks
from groundcast.model.detections import Detections
from groundcast.stream.track import Track

GREY = np.full((200, 300, 3), 128, np.uint8)


def changed(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> tuple[int, int, int, int]:
    """The smallest box around all that differs from the grey picture."""
    rows, columns = np.nonzero((image != GREY).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_a_box_is_drawn_where_it_is_in_its_phrase_s_colour() -> None:
    image = draw(GREY, [Drawn((100, 80, 180, 150), "red mug", "")])

    assert tuple(image[115, 100]) == colour_of("red mug")
    assert (image[115, 140] == 128).all()
    assert (GREY == 128).all()


@pytest.mark.parametrize("box", [(0, 0, 40, 40), (280, 190, 299, 199), (-50, -50, 400, 300), (290, 2, 299, 9)])
def test_a_label_never_leaves_the_picture(box: tuple[float, float, float, float]) -> None:
    short, long = (changed(draw(GREY, [Drawn(box, "ball", text)])) for text in ("", "ball #123456"))

    assert long[2] - long[0] >= short[2] - short[0]
    assert 0 <= long[0] <= long[2] <= 299
    assert 0 <= long[1] <= long[3] <= 199


def test_a_colour_word_decides_and_other_phrases_keep_a_colour_of_their_own() -> None:
    assert colour_of("red mug") == colour_of("red cube") != colour_of("blue cube")
    assert colour_of("bolt") == colour_of("bolt") != colour_of("nut")


def test_tracks_show_ids_and_detections_show_scores() -> None:
    track = Track(7, "u", "red mug", 0.9, (1, 2, 3, 4), None, "coasting", None, None, 1.0, 2, (0, 0))
    found = Detections(
        ("red mug",), np.array([[1, 2, 3, 4]], np.float32), np.array([0.875], np.float32), np.zeros(1, np.int64)
    )

    assert drawn_tracks([track]) == [Drawn((1, 2, 3, 4), "red mug", "red mug #7", seen=False, score=0.9)]
    assert drawn_detections(found) == [Drawn((1, 2, 3, 4), "red mug", "red mug 0.88", score=0.875)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_higher_score_lies_on_top(order: tuple[int, int]) -> None:
    same = (100.0, 80.0, 180.0, 150.0)
    boxes = [Drawn(same, "red mug", "", score=0.9), Drawn(same, "blue mug", "", score=0.4)]

    image = draw(GREY, [boxes[row] for row in order])

    assert tuple(image[115, 100]) == colour_of("red mug")


def test_labels_of_boxes_that_lie_on_each_other_can_all_be_read() -> None:
    boxes = [Drawn((100 + i, 80 + i, 180 + i, 150), "mug", f"mug #{i}", score=i / 10) for i in range(4)]
    labels: list[_Label] = []
    for box in boxes:
        labels.append(_place(box, 0.4, GREY.shape, labels))

    assert [a.shared_with(b) for a, b in combinations(labels, 2)] == [0] * 6
    assert all(0 <= one.left <= one.right <= 300 and 0 <= one.top <= one.bottom <= 199 for one in labels)


def test_more_labels_than_there_is_room_for_are_drawn_all_the_same() -> None:
    assert (draw(GREY, [Drawn((0, 0, 299, 199), "mug", f"mug #{i}") for i in range(100)]) != GREY).any()
