"""Left and right change places with the picture."""

from __future__ import annotations

import pytest

from groundcast.model.datasets.sided_words import mirrored_text


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("left hand", "right hand"),
        ("the Rightmost cup, right of a plate", "the leftmost cup, left of a plate"),
        ("a bright leftover", "a bright leftover"),
    ],
)
def test_words_of_a_side_change_places_and_others_stay(text: str, mirrored: str) -> None:
    assert mirrored_text(text) == mirrored
