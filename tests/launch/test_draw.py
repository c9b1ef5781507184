"""Drawings: readable, inside the picture, and in the colour that a phrase names."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.launch.draw import Drawn, colour_of, draw, drawn_detections, drawn_tracks
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

    assert drawn_tracks([track]) == [Drawn((1, 2, 3, 4), "red mug", "red mug #7", seen=False)]
    assert drawn_detections(found) == [Drawn((1, 2, 3, 4), "red mug", "red mug 0.88")]
