"""A camera that waits: a long scripted day, and what an idle camera costs."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from groundcast.stream.motion.motion_gate import MotionGate, small_grey
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.watch_options import MotionOptions

from .day import Day
from .waiting_node import RATE_HZ, beside

pytestmark = [pytest.mark.bar, pytest.mark.slow]
VISITS, LENGTH_S = 40, 7200.0
WARM_UP_S, IDLE_S = 6.0, 25.0


@pytest.mark.parametrize("seed", [2026, 2027])
def test_forty_visits_of_a_day_are_seen_and_a_tenth_of_the_pictures_is_detected_in(seed: int) -> None:
    day = Day(seed, LENGTH_S, VISITS)
    gate = MotionGate(MotionOptions())
    seen: set[int] = set()
    passed = frames = with_visitor = 0
    for time_s, picture, is_visited in day.frames():
        frames, with_visitor = frames + 1, with_visitor + is_visited
        if gate.passes(time_s, lambda picture=picture: small_grey(picture)):
            passed += 1
            seen |= {number for number, visit in enumerate(day.visits) if gate.is_moving and visit.is_there(time_s)}

    missed = [day.visits[number] for number in range(VISITS) if number not in seen]
    shares = f"{passed / frames:.3f} of the frames detected in, a visitor in {with_visitor / frames:.3f}"
    print(f"seed {seed}: {len(seen)} of {VISITS} visits seen, {shares}; missed: {missed}")
    assert len(seen) >= 0.95 * VISITS
    assert passed <= 0.10 * frames


def test_an_idle_720p_camera_takes_a_quarter_of_a_core() -> None:
    with beside("camera") as url, beside(url) as said:
        pid, address = said.split()
        time.sleep(WARM_UP_S)
        began_s, before_s = time.monotonic(), cpu_s(pid)
        time.sleep(IDLE_S)
        passed_s, used_s = time.monotonic() - began_s, cpu_s(pid) - before_s
        with Subscriber(address, timeout_s=5.0) as subscriber, suppress(TimeoutError):
            next(subscriber)  # nothing moves: statuses come alone
        skipped = subscriber.statuses["yard"].still_total

    print(f"{used_s / passed_s:.3f} of a core, {skipped} frames skipped in all")
    assert skipped > 0.8 * RATE_HZ * IDLE_S
    assert used_s <= 0.25 * passed_s


def cpu_s(pid: str) -> float:
    """The processor's time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
