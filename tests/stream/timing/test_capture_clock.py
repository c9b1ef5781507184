from __future__ import annotations

import random

import pytest

from groundcast.stream.timing.capture_clock import Capture, CaptureClock

EPOCH_S = 1_700_000_000.0  # this computer's unix time when its monotonic clock stood at 0
INTERVAL_S = 0.04


class Camera:
    """Takes a picture every 40 ms, whose delay and whose clock's error are set by the test."""

    def __init__(self, clock: CaptureClock) -> None:
        self.clock = clock
        self.time_s = 0.0

    def shoot(self, delay_s: float = 0.1, camera_ahead_s: float | None = None) -> tuple[Capture, float]:
        """The next picture, and by how many seconds its capture time is late (+) or early (-)."""
        taken_s = 100.0 + self.time_s
        capture = self.clock.place(
            self.time_s,
            int((taken_s + delay_s) * 1e9),
            camera_unix_ns=None if camera_ahead_s is None else int((EPOCH_S + taken_s + camera_ahead_s) * 1e9),
        )
        self.time_s += INTERVAL_S
        return capture, capture.unix_ns / 1e9 - EPOCH_S - taken_s


def _camera(latency_ms: float = 0.0, *, delay_known: bool = False) -> Camera:
    clock = CaptureClock(latency_ms, delay_known=delay_known, unix_from_monotonic_ns=lambda: int(EPOCH_S * 1e9))
    return Camera(clock)


def test_a_camera_with_the_right_time_is_believed() -> None:
    camera = _camera()
    for _ in range(50):
        capture, late_s = camera.shoot(delay_s=random.uniform(0.05, 0.4), camera_ahead_s=0.0)
        assert (capture.clock, capture.error_ms) == ("rtcp", 20.0)
        assert late_s == pytest.approx(0.0, abs=1e-4)
    assert camera.clock.warning is None


@pytest.mark.parametrize("ahead_s", [3.0, -3.0, 4000.0])
def test_a_camera_more_than_two_seconds_off_is_not_believed_and_that_is_said(ahead_s: float) -> None:
    camera = _camera()
    for _ in range(50):
        capture, late_s = camera.shoot(delay_s=0.1, camera_ahead_s=ahead_s)
        assert capture.clock == "arrival"
        assert late_s == pytest.approx(0.1, abs=1e-4)
    assert camera.clock.warning is not None
    assert ("ahead of" if ahead_s > 0 else "behind") in camera.clock.warning


@pytest.mark.parametrize("ahead_s", [3.0, -3.0, 4000.0])
def test_the_error_of_a_programs_stamp_that_is_not_believed_is_what_it_is_off_by(ahead_s: float) -> None:
    clock = CaptureClock(unix_from_monotonic_ns=lambda: int(EPOCH_S * 1e9))
    stamp_ns = int((EPOCH_S + 100.0 + ahead_s) * 1e9)
    capture = clock.place(0.0, 100_000_000_000, camera_unix_ns=stamp_ns, stamped_by="push")
    assert capture.clock == "arrival"
    assert capture.error_ms == pytest.approx(max(1300.0, 1e3 * abs(ahead_s)))


def test_a_camera_slightly_ahead_never_makes_a_picture_look_fresher_than_its_arrival() -> None:
    camera = _camera()
    for _ in range(50):
        capture, late_s = camera.shoot(delay_s=0.1, camera_ahead_s=1.0)
        assert capture.clock == "rtcp"
        assert late_s <= 0.1 + 1e-3
        assert capture.error_ms >= 1e3 * late_s


def test_a_camera_that_lags_states_its_lag_as_error() -> None:
    camera = _camera()
    for _ in range(50):
        capture, late_s = camera.shoot(delay_s=0.1, camera_ahead_s=-1.2)
        assert capture.error_ms >= 1e3 * abs(late_s)


def test_a_clock_that_turns_up_in_mid_stream_takes_over_from_arrival() -> None:
    camera = _camera()
    clocks = [camera.shoot(camera_ahead_s=0.0 if number >= 20 else None)[0].clock for number in range(40)]
    assert clocks == ["arrival"] * 20 + ["rtcp"] * 20


def test_a_camera_whose_clock_is_put_right_is_believed_from_then_on() -> None:
    camera = _camera()
    clocks = [camera.shoot(camera_ahead_s=-90.0 if number < 20 else 0.0)[0].clock for number in range(40)]
    assert clocks == ["arrival"] * 20 + ["rtcp"] * 20
    assert camera.clock.warning is None


def test_a_camera_whose_clock_goes_wrong_is_no_longer_believed() -> None:
    camera = _camera()
    clocks = [camera.shoot(camera_ahead_s=0.0 if number < 20 else 600.0)[0].clock for number in range(40)]
    assert clocks == ["rtcp"] * 20 + ["arrival"] * 20


def test_pictures_that_all_come_late_for_a_minute_count_as_late_on_either_clock() -> None:
    for ahead_s in (0.0, None):
        camera = _camera()
        for _ in range(100):
            camera.shoot(delay_s=0.1, camera_ahead_s=ahead_s)
        for _ in range(1500):
            capture, late_s = camera.shoot(delay_s=5.0, camera_ahead_s=ahead_s)
            assert late_s < 0.5, capture


def test_arrival_is_smoothed_by_the_picture_that_came_through_fastest() -> None:
    camera = _camera()
    late_s = [camera.shoot(delay_s=random.choice([0.05, 0.3, 0.6]))[1] for _ in range(500)]
    assert all(late_s[i] == pytest.approx(0.05, abs=0.03) for i in range(100, 500))


def test_the_error_of_arrival_is_larger_while_the_stream_is_young_and_where_the_delay_is_unknown() -> None:
    unknown, known = _camera(), _camera(latency_ms=120.0)
    first, later = unknown.shoot()[0], [unknown.shoot()[0] for _ in range(40)][-1]
    assert first.error_ms > later.error_ms >= 300.0
    assert [known.shoot()[0] for _ in range(40)][-1].error_ms < 100.0


def test_a_stated_latency_is_subtracted_from_every_clock() -> None:
    for ahead_s in (0.0, None):
        plain, delayed = _camera(), _camera(latency_ms=80.0)
        pairs = [(plain.shoot(camera_ahead_s=ahead_s)[0], delayed.shoot(camera_ahead_s=ahead_s)[0]) for _ in range(3)]
        assert all(without.unix_ns - with_latency.unix_ns == 80_000_000 for without, with_latency in pairs)


def test_a_cheap_camera_that_miscounts_its_rate_does_not_drift_into_the_past() -> None:
    camera = _camera()
    late_s = 0.0
    for number in range(25 * 600):  # ten minutes; its times say 25 pictures a second, it takes 24.9
        late_s = camera.shoot(delay_s=0.1 + number * (1 / 24.9 - 1 / 25))[1] - number * (1 / 24.9 - 1 / 25)
    assert late_s == pytest.approx(0.1, abs=0.05)


def test_a_host_whose_clock_is_set_judges_the_camera_anew() -> None:
    host_s = [EPOCH_S]
    clock = CaptureClock(unix_from_monotonic_ns=lambda: int(host_s[0] * 1e9))
    camera = Camera(clock)
    assert camera.shoot(camera_ahead_s=0.0)[0].clock == "rtcp"
    host_s[0] += 3600.0
    assert camera.shoot(camera_ahead_s=0.0)[0].clock == "arrival"


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
@pytest.mark.parametrize("ahead_s", [0.0, None])
def test_setting_the_hosts_clock_does_not_move_pictures_on_the_monotonic_clock(
    ahead_s: float | None, step_s: float
) -> None:
    host_s = [EPOCH_S]
    camera = Camera(CaptureClock(unix_from_monotonic_ns=lambda: int(host_s[0] * 1e9)))
    before = [camera.shoot(delay_s=0.0, camera_ahead_s=ahead_s)[0] for _ in range(30)]
    host_s[0] += step_s
    after = [camera.shoot(delay_s=0.0, camera_ahead_s=ahead_s)[0] for _ in range(30)]
    moments_s = [capture.monotonic_ns / 1e9 for capture in (*before, *after)]
    assert moments_s == pytest.approx([100.0 + number * INTERVAL_S for number in range(60)], abs=1e-3)
    unix_s = [capture.unix_ns / 1e9 - host_s[0] for capture in after]
    assert unix_s == pytest.approx(moments_s[30:], abs=1e-3)


def test_a_camera_that_is_believed_is_placed_by_its_own_clock_on_both_of_ours() -> None:
    capture, _ = _camera(latency_ms=30.0).shoot(delay_s=0.4, camera_ahead_s=0.0)
    assert capture.clock == "rtcp"
    assert capture.monotonic_ns == pytest.approx(99.97e9, abs=1e6)
    assert capture.unix_ns - capture.monotonic_ns == int(EPOCH_S * 1e9)


@pytest.mark.parametrize("since_1970_s", [0.0, EPOCH_S])
def test_a_drivers_stamp_is_understood_since_start_up_and_since_1970(since_1970_s: float) -> None:
    clock = CaptureClock(latency_ms=10.0, unix_from_monotonic_ns=lambda: int(EPOCH_S * 1e9))
    capture = clock.place(0.0, 5_000_000_000, driver_us=4_950_000 + int(since_1970_s * 1e6))
    assert (capture.clock, capture.monotonic_ns) == ("driver", 4_940_000_000)
    assert capture.unix_ns == 4_940_000_000 + int(EPOCH_S * 1e9)


def test_a_drivers_stamp_that_can_be_neither_counts_for_nothing() -> None:
    capture = CaptureClock(unix_from_monotonic_ns=lambda: int(EPOCH_S * 1e9)).place(
        0.0, 5_000_000_000_000, driver_us=3000
    )
    assert (capture.clock, capture.monotonic_ns) == ("arrival", 5_000_000_000_000)


def test_a_picture_from_before_1970_counts_as_1970_and_its_error_says_so() -> None:
    clock = CaptureClock(800.0, unix_from_monotonic_ns=lambda: -int(99.5e9))  # it is half a second past midnight
    capture = clock.place(0.0, int(100e9))
    assert (capture.unix_ns, capture.monotonic_ns) == (0, int(99.2e9))
    assert capture.error_ms == pytest.approx(300.0 + 20.0 + 1000.0)
