"""What groundcast itself costs, in milliseconds of a picture's age."""

from __future__ import annotations

import pytest

from .overhead import MAX_P99_MS, measure

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cameras", [1, 2, 4])
def test_a_message_is_hardly_older_than_a_decoded_picture(cameras: int) -> None:
    result = measure(cameras, seconds=8.0, rounds=1)
    print(f"{cameras} cameras: {result.bare} -> {result.node}")
    assert result.node.pictures > 0.8 * 8 * 30 * cameras
    assert result.added_p99_ms <= MAX_P99_MS
