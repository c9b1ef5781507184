"""Augmented pictures: boxes stay on their objects, and labels of classes stay true."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
import pytest

from groundcast.model.training.picture_views import View, mirror, mosaic, paste, zoom

RED, BLUE, GREEN = 0, 1, 2
COLOURS = {RED: (220, 30, 30), BLUE: (30, 30, 220), GREEN: (30, 180, 30)}


def _view(
    colour: int,
    box: tuple[int, int, int, int] = (10, 8, 30, 24),
    absent: tuple[int, ...] = (),
    loose: tuple[int, ...] = (),
) -> View:
    image = np.full((48, 64, 3), 120, np.uint8)
    left, top, right, bottom = box
    image[top:bottom, left:right] = COLOURS[colour]
    return View(image, np.array([box], np.float32), ((colour,),), frozenset(absent), frozenset(loose), frozenset[int]())


def _check_boxes(view: View) -> None:
    """Each box is full of its object's colour, and just outside of it there is none."""
    height, width = view.image.shape[:2]
    for box, (colour,) in zip(view.boxes_xyxy, view.answers, strict=True):
        left, top, right, bottom = (round(float(x)) for x in box)
        middle = view.image[(top + bottom) // 2, (left + right) // 2].astype(int)
        assert np.abs(middle - COLOURS[colour]).max() < 40
        for x, y in ((left - 3, (top + bottom) // 2), (right + 2, (top + bottom) // 2)):
            if 0 <= x < width and 0 <= y < height:
                assert np.abs(view.image[y, x].astype(int) - COLOURS[colour]).max() > 40


@pytest.mark.parametrize("seed", range(8))
def test_zoom_keeps_boxes_on_their_objects(seed: int) -> None:
    _check_boxes(zoom(_view(RED), 2.0, np.random.default_rng(seed)))


def test_an_object_that_is_cut_away_is_absent_and_one_cut_in_two_is_not_asked() -> None:
    seen = [zoom(_view(RED, (0, 0, 12, 12)), 4.0, np.random.default_rng(seed)) for seed in range(60)]

    whole = [view for view in seen if view.answers]
    gone = [view for view in seen if RED in view.absent]
    partly = [view for view in seen if RED in view.never_asked]
    assert len(whole) + len(gone) + len(partly) == 60
    assert whole
    assert gone
    assert partly


def test_a_class_with_unlabelled_objects_is_never_called_absent() -> None:
    seen = [zoom(_view(RED, (0, 0, 12, 12), loose=(RED,)), 4.0, np.random.default_rng(seed)) for seed in range(60)]

    assert any(not view.answers for view in seen)
    assert not any(RED in view.absent for view in seen)


def test_mirror_moves_the_box_with_the_object() -> None:
    _check_boxes(mirror(_view(BLUE)))


def test_a_mosaic_knows_what_all_its_pictures_know() -> None:
    red = _view(RED, absent=(BLUE, GREEN))
    blue = _view(BLUE, absent=(GREEN,))  # nothing is known of red here

    mixed = mosaic([red, red, blue, red], (96, 128))

    assert len(mixed.answers) == 4
    assert mixed.absent == {GREEN}
    assert mixed.loose == {RED}  # the blue picture may show red things without a box
    _check_boxes(mixed)


def test_a_pasted_object_hides_nothing() -> None:
    donor = _view(BLUE, (20, 10, 50, 40))
    views = [paste(_view(RED, absent=(BLUE,)), donor, np.random.default_rng(seed)) for seed in range(12)]

    pasted = [view for view in views if BLUE in view.here]
    assert len(pasted) > 3
    for view in pasted:
        assert BLUE not in view.absent | view.loose
        assert (view.image[8:24, 10:30] == COLOURS[RED]).all()
        _check_boxes(view)


def test_a_pasted_object_of_an_unknown_class_leaves_it_loose() -> None:
    views = [paste(_view(RED), _view(BLUE, (20, 10, 50, 40)), np.random.default_rng(seed)) for seed in range(8)]

    assert any(BLUE in view.here for view in views)
    assert all(BLUE in view.loose for view in views if BLUE in view.here)
