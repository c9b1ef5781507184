from __future__ import annotations

import pytest

from groundcast.stream.capture.backoff import Backoff
from groundcast.stream.source_url import RefusedError, SourceError


def test_waits_double_from_a_tenth_of_a_second_to_at_most_one() -> None:
    backoff = Backoff()
    waits = [backoff.wait_s(SourceError()) for _ in range(20)]
    assert 0.05 <= waits[0] <= 0.1
    assert waits[0] < waits[2] < waits[4]
    assert max(waits) <= 1.0
    assert len(set(waits[5:])) > 10  # many cameras do not come back in step


def test_a_refused_password_waits_for_a_minute() -> None:
    assert Backoff().wait_s(RefusedError()) == pytest.approx(60.0)


def test_pictures_make_the_waits_short_again() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.wait_s(SourceError())
    backoff.reset()
    assert backoff.wait_s(SourceError()) <= 0.1
