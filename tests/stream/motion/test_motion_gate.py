"""The motion gate: visits are seen, and wind, rain and light are not taken for visits."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.motion.motion_gate import Grey, MotionGate, small_grey
from groundcast.stream.watch_options import MotionOptions

from .day import Day

STEP_S = 0.2


def a_scene(gain: float = 1.0, seed: int = 0) -> Grey:
    """A still scene with the noise of a camera."""
    random = np.random.default_rng(seed)
    ground = np.random.default_rng(9).uniform(60, 140, (90, 160))
    return np.clip(ground * gain + random.normal(0, 2, (90, 160)), 0, 255).astype(np.uint8)


def walk(gate: MotionGate, begin: int, count: int, at: int | None = None, gain: float = 1.0) -> list[int]:
    """The pictures that pass of so many; a dark animal walks through those from number `at` on."""
    passed: list[int] = []
    for number in range(begin, begin + count):
        picture = a_scene(gain, number)
        if at is not None and number >= at:
            left = min(140, 3 * (number - at))
            picture[50:65, left : left + 18] = 15
        if gate.passes(number * STEP_S, lambda picture=picture: (picture, 8.0)):
            passed.append(number)
    return passed


def test_a_still_scene_gets_a_look_at_its_interval() -> None:
    gate = MotionGate(MotionOptions(look_every_s=20.0))

    assert walk(gate, 0, 301) == [0, 100, 200, 300]
    assert gate.skipped == 297


def test_what_walks_passes_from_its_third_picture_until_the_hold_is_over() -> None:
    gate = MotionGate(MotionOptions(hold_s=2.0))
    walk(gate, 0, 100)

    passed = walk(gate, 100, 30, at=100)
    after = walk(gate, 130, 40)

    assert passed[0] <= 103
    assert passed == list(range(passed[0], 130))
    assert after[-1] <= 130 + 2 + 10


def test_a_light_that_goes_on_passes_one_picture() -> None:
    gate = MotionGate(MotionOptions())
    walk(gate, 0, 100)

    assert len(walk(gate, 100, 100, gain=1.7)) <= 1


def test_an_area_to_ignore_is_ignored() -> None:
    everywhere = ((0.0, 380.0), (1280.0, 380.0), (1280.0, 540.0), (0.0, 540.0))
    gate = MotionGate(MotionOptions(ignore_px=(everywhere,)))
    walk(gate, 0, 100)

    assert walk(gate, 100, 30, at=100) == []


def test_a_damaged_picture_is_no_motion() -> None:
    gate = MotionGate(MotionOptions())

    assert gate.passes(0.0, lambda: None)  # the first look
    assert not gate.passes(1.0, lambda: None)


def test_a_picture_is_made_small_with_its_scale() -> None:
    small, scale = small_grey(np.zeros((720, 1280), np.uint8))

    assert (small.shape, scale) == ((90, 160), 8.0)


@pytest.mark.bar
@pytest.mark.slow
def test_most_visits_of_a_day_are_seen_and_most_pictures_are_not_detected_in() -> None:
    day = Day(seed=7, length_s=600.0, visits=8)
    gate = MotionGate(MotionOptions())
    seen: set[int] = set()
    passed = alone = 0
    for time_s, picture, _ in day.frames():
        if not gate.passes(time_s, lambda picture=picture: small_grey(picture)):
            continue
        passed += 1
        here = {number for number, visit in enumerate(day.visits) if visit.is_there(time_s)}
        seen |= here if gate.is_moving else set()
        alone += not here
    assert len(seen) >= 7
    assert alone <= 0.06 * 600 * day.rate_hz
