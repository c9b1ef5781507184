"""How long a frame is held so that others can join its batch."""

from __future__ import annotations

import pytest

from groundcast.stream.node.batch_window import BatchWindow


def test_a_frame_that_no_other_can_join_is_sent_at_once() -> None:
    assert BatchWindow(0.01).wait_s(waiting=1, max_batch=4, expected=0, now_s=5.0) == 0.0


def test_a_full_batch_is_sent_at_once() -> None:
    window = BatchWindow(0.01)
    assert window.wait_s(waiting=2, max_batch=2, expected=3, now_s=5.0) == 0.0
    assert window.wait_s(waiting=1, max_batch=1, expected=3, now_s=5.0) == 0.0


def test_the_wait_is_counted_from_the_first_and_ends() -> None:
    window = BatchWindow(0.01)
    assert window.wait_s(waiting=0, max_batch=4, expected=3, now_s=4.0) is None
    waits_s = [window.wait_s(waiting, 4, 1, now_s) for waiting, now_s in ((1, 5.0), (2, 5.004), (3, 5.02))]
    assert [round(wait_s or 0.0, 6) for wait_s in waits_s] == [0.01, 0.006, 0.0]


def test_frames_left_behind_wait_anew() -> None:
    window = BatchWindow(0.01)
    window.wait_s(waiting=3, max_batch=2, expected=1, now_s=5.0)
    window.restart()
    assert window.wait_s(waiting=1, max_batch=2, expected=1, now_s=6.0) == pytest.approx(0.01)


def test_no_wait_is_no_wait() -> None:
    assert BatchWindow(0.0).wait_s(waiting=1, max_batch=4, expected=3, now_s=5.0) == 0.0
