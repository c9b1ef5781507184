"""How long frames wait for each other."""

from __future__ import annotations

import pytest

from groundcast.stream.node.batch_window import BatchWindow


def test_who_expects_nobody_goes_at_once() -> None:
    assert BatchWindow(0.01).wait_s(waiting=1, most=4, coming=0, now_s=5.0) == 0.0


def test_as_many_as_are_of_use_go_at_once() -> None:
    company = BatchWindow(0.01)
    assert company.wait_s(waiting=2, most=2, coming=3, now_s=5.0) == 0.0
    assert company.wait_s(waiting=1, most=1, coming=3, now_s=5.0) == 0.0


def test_the_wait_is_counted_from_the_first_and_ends() -> None:
    company = BatchWindow(0.01)
    assert company.wait_s(waiting=0, most=4, coming=3, now_s=4.0) is None
    waits_s = [company.wait_s(waiting, 4, 1, now_s) for waiting, now_s in ((1, 5.0), (2, 5.004), (3, 5.02))]
    assert [round(wait_s or 0.0, 6) for wait_s in waits_s] == [0.01, 0.006, 0.0]


def test_those_left_behind_wait_anew() -> None:
    company = BatchWindow(0.01)
    company.wait_s(waiting=3, most=2, coming=1, now_s=5.0)
    company.gone()
    assert company.wait_s(waiting=1, most=2, coming=1, now_s=6.0) == pytest.approx(0.01)


def test_no_wait_is_no_wait() -> None:
    assert BatchWindow(0.0).wait_s(waiting=1, most=4, coming=3, now_s=5.0) == 0.0
