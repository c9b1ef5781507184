"""The eight orientations: pixels are rotated and mirrored, and display matrices are read."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from groundcast.model.pictures.orientation import ORIENTATIONS, orientation_of_matrix, swaps_sides, turn_upright

from ..stored_pictures import with_exif

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pictures_are_turned_as_pillow_turns_them(orientation: int) -> None:
    tagged = Image.fromarray(IMAGE)
    tagged.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(tagged))
    assert np.array_equal(turn_upright(IMAGE, orientation), upright)
    assert swaps_sides(orientation) == (upright.shape[:2] == (7, 5))


@pytest.mark.parametrize("orientation", [0, 9, -1, 65535])
def test_a_number_that_is_no_orientation_turns_nothing(orientation: int) -> None:
    assert turn_upright(IMAGE, orientation) is IMAGE


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_display_matrix_says_where_the_corner_and_both_axes_go(orientation: int) -> None:
    rows, columns = np.indices((4, 4), np.uint8)
    seen = turn_upright(np.stack([rows, columns, columns], 2), orientation).astype(int)
    along_x = seen[0, 1, :2] - seen[0, 0, :2]  # what one step to the right is in the stored picture: (rows, columns)
    along_y = seen[1, 0, :2] - seen[0, 0, :2]

    assert orientation_of_matrix(along_x[1], along_y[1], along_x[0], along_y[0]) == orientation


def test_exif_is_written_as_it_is_read() -> None:
    assert with_exif(6)[:6] == b"Exif\x00\x00"
