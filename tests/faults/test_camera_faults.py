"""What becomes of a node whose cameras fail: the right state in time, messages again in time, the others unharmed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from groundcast.stream.options import SourceOptions

from ..stream.encoded_clips import free_port
from .camera_faults import FAULTS, RATE_HZ, Fault, FaultyCamera, Sign, moving, still, watched_source
from .camera_process import cameras
from .camera_watch import CameraWatch, until

TRIES = 20
BACK_WITHIN_S = 2.0
BUSY = 8.0  # times as long on a busy machine; a quiet one is held to more below
STEADY = ("steady-1", "steady-2")
IN_A_HURRY = (
    "killed",
    "unplugged",
    "resets",
    "mid-GOP",
    "resolution",
    "comes back",
    "leap",
    "stand still",
    "same",
    "flips",
)


@dataclass
class Times:
    """What was measured of a fault, seconds.

    Args:
        noticed: of each sign, from the beginning of the fault.
        back: from the first key frame that the camera sent afterwards to the first message that arrived after it.
    """

    noticed: list[float] = field(default_factory=list[float])
    back: list[float] = field(default_factory=list[float])

    def report(self) -> str:
        p95, most = np.percentile(self.back, 95), max(self.back)
        return f"noticed after {max(self.noticed):.2f} s at most, back p95 {p95:.2f} s, at most {most:.2f} s"


class Trial:
    """A node with two sound cameras and one for each fault, which are done to them all at the same time."""

    def __init__(self, stack: ExitStack, faults: Sequence[Fault], patience: float, control_s: float) -> None:
        urls = stack.enter_context(cameras(len(STEADY), 320, 240, RATE_HZ))
        self._done = [
            (f"faulty-{n}", one, stack.enter_context(FaultyCamera(one.clip()))) for n, one in enumerate(faults)
        ]
        steady = [watched_source(name, url) for name, url in zip(STEADY, urls, strict=True)]
        # A busy machine holds up the test's own cameras, too.
        sources = [replace(one, read_timeout_s=patience * one.read_timeout_s) for one in steady]
        sources += [watched_source(name, camera.url) for name, _, camera in self._done]
        self._patience = patience
        self.times = {fault.name: Times() for fault in faults}
        self.watch = stack.enter_context(CameraWatch(sources))
        assert until(lambda: all(self.watch.heard(source.name) for source in sources), 60.0)
        self._control_ns = time.monotonic_ns()
        time.sleep(control_s)
        self._began_ns = time.monotonic_ns()

    def play(self) -> None:
        """Do each fault, see that it is noticed, let the cameras come back and see that they are."""
        moments: dict[str, int] = {}
        for source, fault, camera in self._done:
            moments[source] = time.time_ns()
            fault.begin(camera)
        for source, fault, _ in self._done:
            self.times[fault.name].noticed += [self._see(source, sign, moments[source]) for sign in fault.signs]
        for source, fault, camera in self._done:
            moments[source] = time.monotonic_ns()
            fault.end(camera)
        for source, fault, camera in self._done:
            self.times[fault.name].back.append(back_s(self.watch, source, camera, moments[source]))
        for source, _, _ in self._done:
            assert until(lambda source=source: _is_well(self.watch, source), self._patience * BACK_WITHIN_S), source

    def least_share(self) -> float:
        """The least of the sound cameras' rates since the first fault, as a share of what it was before."""
        control_s = (self._began_ns - self._control_ns) / 1e9
        time.sleep(max(0.0, control_s - (time.monotonic_ns() - self._began_ns) / 1e9))  # a moment tells nothing
        now_ns, rate_hz = time.monotonic_ns(), self.watch.rate_hz
        return min(
            rate_hz(source, self._began_ns, now_ns) / rate_hz(source, self._control_ns, self._began_ns)
            for source in STEADY
        )

    def _see(self, source: str, sign: Sign, since_unix_ns: int) -> float:
        noticed_s = self.watch.noticed_s(source, sign, since_unix_ns, self._patience * sign.within_s)
        if noticed_s is None and self._patience > 1.0:  # a busy machine passes a state over on the way to the next
            noticed_s = self.watch.noticed_s(source, Sign("reconnecting", "", sign.within_s), since_unix_ns, 0.0)
        assert noticed_s is not None, f"{source}: no {sign} but {self.watch.statuses(source)[-1]}"
        assert noticed_s <= self._patience * sign.within_s
        return noticed_s


def back_s(watch: CameraWatch, source: str, camera: FaultyCamera, since_ns: int) -> float:
    """From the first key frame that was sent after a moment to the first message that arrived after it."""

    def first_key_ns() -> int | None:
        return next((sent_ns for sent_ns in camera.behaviour.key_sent_ns if sent_ns > since_ns), None)

    assert until(lambda: first_key_ns() is not None, 30.0), f"{source} was not asked again"
    key_ns = first_key_ns() or 0
    assert until(lambda: bool(watch.heard(source, key_ns)), 30.0), f"{source}: {watch.statuses(source)[-1]}"
    return (watch.heard(source, key_ns)[0].arrived_ns - key_ns) / 1e9


def _is_well(watch: CameraWatch, source: str) -> bool:
    last = watch.statuses(source)[-1]
    return (last.state, last.error, last.warning) == ("running", None, None)


def check_messages(watch: CameraWatch) -> None:
    """The sound cameras ran on; every frame has a message or counts as dropped; boxes lie in their pictures."""
    for source in STEADY:
        # A machine that is busy elsewhere may hold the test's own camera up, so that it counts as stalled for a moment.
        assert {status.state for status in watch.statuses(source)} <= {"connecting", "running", "stalled"}
    for source in {one.source for one in watch.node.statuses}:
        messages = [one.message for one in watch.heard(source)]
        assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
        for message in messages:
            assert message.frame.index + 1 == message.seq + message.dropped_total
            for track in message.tracks:
                assert 0.0 <= track.box_xyxy[0] < track.box_xyxy[2] <= message.frame.width
                assert 0.0 <= track.box_xyxy[1] < track.box_xyxy[3] <= message.frame.height


def test_cameras_that_fail_all_at_once_are_noticed_and_come_back_and_harm_no_other() -> None:
    hurried = [replace(one, clip=moving) for one in FAULTS if any(word in one.name for word in IN_A_HURRY)]
    assert len(hurried) == len(IN_A_HURRY)
    with ExitStack() as stack:
        trial = Trial(stack, hurried, patience=BUSY, control_s=1.0)
        for _ in range(2):
            trial.play()
        assert trial.least_share() > 0.2  # a busy machine may hold up the others; a quiet one is held to more below
        check_messages(trial.watch)
    assert all(max(times.back) <= BUSY * BACK_WITHIN_S for times in trial.times.values()), trial.times


def _start_late(tries: int, patience: float) -> list[float]:
    """How long it took until the messages came, of so many cameras that were absent when the node began."""
    ports = [free_port() for _ in range(tries)]
    names = [f"late-{number}" for number in range(tries)]
    with ExitStack() as stack:
        urls = stack.enter_context(cameras(len(STEADY), 320, 240, RATE_HZ))
        sources = [watched_source(name, url) for name, url in zip(STEADY, urls, strict=True)]
        sources += [watched_source(name, f"rtsp://127.0.0.1:{port}/x") for name, port in zip(names, ports, strict=True)]
        watch = stack.enter_context(CameraWatch(sources))
        absent = Sign("reconnecting", "refused the connection", 1.0)
        assert all(watch.noticed_s(name, absent, 0, patience * absent.within_s) for name in names)
        assert until(lambda: all(watch.heard(name) for name in STEADY), patience * BACK_WITHIN_S)
        back: list[float] = []
        for name, port in zip(names, ports, strict=True):
            since_ns = time.monotonic_ns()
            back.append(back_s(watch, name, stack.enter_context(FaultyCamera(moving(), port)), since_ns))
        check_messages(watch)
    return back


def test_cameras_that_are_absent_at_the_start_delay_no_others_and_are_seen_when_they_come() -> None:
    assert max(_start_late(2, patience=BUSY)) <= BUSY * BACK_WITHIN_S


def test_an_unknown_host_name_is_said_and_works_once_it_is_corrected() -> None:
    with FaultyCamera(moving()) as camera, CameraWatch([SourceOptions("cam", "rtsp://camera.invalid/live")]) as watch:
        unknown = Sign("reconnecting", "(camera.invalid)", 2.0)  # unknown, or no name server here could be asked
        assert watch.noticed_s("cam", unknown, 0, BUSY * unknown.within_s) is not None
        since_ns = time.monotonic_ns()
        watch.node.commands.update_source("cam", lambda _: watched_source("cam", camera.url))
        assert back_s(watch, "cam", camera, since_ns) <= BUSY * BACK_WITHIN_S


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_noticed_in_its_time_and_over_in_two_seconds(fault: Fault) -> None:
    with ExitStack() as stack:
        trial = Trial(stack, [fault], patience=1.0, control_s=8.0)
        for _ in range(TRIES):
            trial.play()
        share, times = trial.least_share(), trial.times[fault.name]
        check_messages(trial.watch)
    print(f"\n{fault.name}: {times.report()}; the others kept {100 * share:.1f} % of their rate")
    assert np.percentile(times.back, 95) <= BACK_WITHIN_S
    assert share >= 0.9


@pytest.mark.slow
def test_twenty_cameras_that_are_absent_at_the_start_are_seen_in_two_seconds() -> None:
    back = _start_late(TRIES, patience=1.0)
    print(f"\nabsent at the start: {Times([0.0], back).report()}")
    assert np.percentile(back, 95) <= BACK_WITHIN_S


@pytest.mark.slow
def test_the_same_picture_for_ten_seconds_is_warned_of() -> None:
    with FaultyCamera(moving()) as camera, CameraWatch([SourceOptions("cam", camera.url)]) as watch:
        assert until(lambda: len(watch.heard("cam")) > 10, 10.0)
        began_unix_ns = time.time_ns()
        camera.show(still())
        noticed_s = watch.noticed_s("cam", Sign("running", "not changed for 1", 12.0), began_unix_ns, 12.0)
        print(f"\nthe same picture for ten seconds: noticed after {noticed_s} s")
        assert noticed_s is not None
        assert noticed_s > 9.5
        camera.show(moving())
        assert until(lambda: _is_well(watch, "cam"), 3.0)


@pytest.mark.slow
def test_a_camera_that_refuses_the_password_is_asked_again_after_a_minute_and_not_before() -> None:
    with cameras(1, 320, 240, RATE_HZ) as (steady,), FaultyCamera(moving()) as camera, ExitStack() as stack:
        sources = [watched_source("steady", steady), watched_source("cam", camera.url)]
        watch = stack.enter_context(CameraWatch(sources))
        assert until(lambda: bool(watch.heard("cam")), 10.0)
        began_unix_ns, camera.behaviour.user = time.time_ns(), "somebody"
        camera.reset()
        refused = Sign("reconnecting", "asks for a user and a password", 1.5)
        assert watch.noticed_s("cam", refused, began_unix_ns, refused.within_s) is not None
        since_ns, camera.behaviour.user = time.monotonic_ns(), None
        assert not until(lambda: bool(camera.behaviour.key_sent_ns[-1] > since_ns), 55.0)
        assert back_s(watch, "cam", camera, since_ns) <= BACK_WITHIN_S
        print(f"\n401: back {(time.monotonic_ns() - since_ns) / 1e9:.1f} s after the refusal")
