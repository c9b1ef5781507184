from __future__ import annotations

import numpy as np
import pytest

from .fast_score import ious
from .simulated_crowd import SCENES, simulate


def test_a_seed_makes_the_same_sequence_again_and_another_one_another() -> None:
    one, again, other = (simulate("slow", seed, 4.0) for seed in (1, 1, 2))
    assert np.array_equal(np.concatenate(one.detections), np.concatenate(again.detections))
    assert not np.array_equal(np.concatenate(one.detections)[:20], np.concatenate(other.detections)[:20])


@pytest.mark.parametrize("group", list(SCENES))
def test_most_that_counts_is_found_and_most_that_is_found_is_there(group: str) -> None:
    sequence = simulate(group, 3, 4.0)
    pairs = [
        (ious(true[counted], found) >= 0.5)
        for true, counted, found in zip(sequence.truth, sequence.counted, sequence.detections, strict=True)
    ]
    recall = sum(near.any(axis=1).sum() for near in pairs) / sum(len(near) for near in pairs)
    precision = sum(near.any(axis=0).sum() for near in pairs) / sum(near.shape[1] for near in pairs)
    assert 0.7 < recall < 0.99
    assert 0.7 < precision < 0.995


def test_dropped_frames_leave_gaps_in_time() -> None:
    steps = np.diff(simulate("dropped", 1, 3.0).times_s)
    assert steps.max() > 3 * steps.min()
