from __future__ import annotations

import pytest

from groundcast.stream.timing.backlog import Backlog


def _left_out(delays_s: list[float], key_every: int = 10) -> list[bool]:
    """What is left out of 25 pictures a second that are at hand so late."""
    backlog = Backlog()
    return [backlog.skips(i / 25, i / 25 + delay_s, is_key=i % key_every == 0) for i, delay_s in enumerate(delays_s)]


def test_a_source_that_keeps_up_is_decoded_in_full() -> None:
    assert not any(_left_out([0.05, 0.3, 0.05] * 100))


def test_a_network_that_pauses_and_catches_up_is_decoded_in_full() -> None:
    assert not any(_left_out([0.05] * 50 + [3.0 - 0.1 * i for i in range(30)] + [0.05] * 50))


def test_a_decoder_that_falls_behind_gets_key_frames_only_until_it_has_caught_up() -> None:
    falling = [0.02 * i for i in range(150)]
    catching_up = [3.0 - 0.05 * i for i in range(60)]
    left_out = _left_out(falling + catching_up + [0.05] * 40)
    assert not any(left_out[:75])
    assert left_out[140] is False  # a key frame
    assert all(left_out[141:150])
    assert not any(left_out[-30:])


@pytest.mark.parametrize("leap_s", [-800.0, -1.6, 500.0])
def test_a_camera_whose_times_leap_is_not_late(leap_s: float) -> None:
    backlog = Backlog()
    times_s = [number / 25 + (leap_s if number >= 100 else 0.0) for number in range(400)]
    times_s += [time_s - leap_s + 16.0 for time_s in times_s[100:]]  # and back again
    assert not any(backlog.skips(media_s, number / 25, is_key=False) for number, media_s in enumerate(times_s))


def test_packets_that_come_late_but_are_waited_for_are_no_backlog() -> None:
    backlog = Backlog()
    assert not any(backlog.skips(0.1 * i, i, is_key=False, waited_s=0.9) for i in range(100))
