from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.track import Box
from groundcast.stream.tracking.linker import LinkedDetection
from groundcast.stream.tracking.whole_boxes import WholeBoxes


def _found(box: Box, time_s: float = 0.0) -> LinkedDetection:
    return LinkedDetection(1, time_s, None, "mug", 0.9, box)


def _after(*boxes: Box) -> WholeBoxes:
    wholes = WholeBoxes()
    for index, box in enumerate(boxes):
        wholes.see(1, _found(box, index / 10))
    return wholes


def test_a_part_that_shows_where_the_object_stood_is_known() -> None:
    wholes = _after((300, 200, 370, 260), *((300 + 5 * step, 200, 370, 260) for step in range(9)))
    costs = wholes.costs([_found((300, 200, 325, 260), 2.0), _found((290, 200, 330, 260), 2.0)], [1])
    assert costs.ravel().tolist() == pytest.approx([0.0, np.inf])


def test_an_object_that_moves_on_leaves_nothing_behind() -> None:
    wholes = _after(*((300 + 8 * step, 200, 370 + 8 * step, 260) for step in range(12)))
    assert wholes.costs([_found((300, 200, 325, 260), 2.0)], [1]).tolist() == [[np.inf]]


def test_a_box_as_large_as_the_whole_one_is_another_object() -> None:
    assert _after((300, 200, 370, 260)).costs([_found((301, 200, 370, 260), 1.0)], [1]).tolist() == [[np.inf]]


def test_whole_boxes_are_forgotten_with_their_tracks_and_after_a_while() -> None:
    wholes, part = _after((300, 200, 370, 260)), (300, 200, 325, 260)
    assert wholes.costs([_found(part, 1.0)], [1]).tolist() == [[0.0]]
    assert wholes.costs([_found(part, 9.0)], [1]).tolist() == [[np.inf]]
    wholes.keep(())
    assert wholes.costs([_found(part, 1.0)], [1]).tolist() == [[np.inf]]
