"""Capture time of a live picture: when it was taken, by which clock, and how large the error may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..frame import Clock
from .drifting_min import DriftingMin

_BELIEVED_WITHIN_S = 2.0
_BELIEVED_AGAIN_WITHIN_S = 1.5
_CLOCK_WAS_SET_S = 0.5
_USUAL_DELAY_S = 0.5

_STAMP_ERROR_MS = 20.0
_DRIVER_ERROR_MS = 10.0
_PLAUSIBLE_DRIVER_AGE_NS = 10_000_000_000
_STATED_DELAY_ERROR_MS = 20.0
_UNKNOWN_DELAY_ERROR_MS = 300.0
_UNSETTLED_ERROR_MS = 1000.0
_SETTLED_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Capture:
    """When a picture was taken.

    Args:
        monotonic_ns: on this computer's monotonic clock, as well as it is known.
        unix_ns: the same moment in nanoseconds since 1970, by what this computer's wall clock says now.
        clock: which clock says so.
        error_ms: the largest likely error.
    """

    monotonic_ns: int
    unix_ns: int
    clock: Clock
    error_ms: float


class CaptureClock:
    """Capture times on the wall clock: by the camera's own clock where it is plausible, else by arrival.

    Arrival is smoothed: the picture with the shortest delay in the last seconds maps the stream's timestamps to this
    computer's clock, so that a picture delayed by the network gets its true age.

    Args:
        latency_ms: stated by the user: from light to the first byte. Subtracted; may be set at any time.
        delay_known: nothing but `latency_ms` lies between the picture and its arrival (a generated picture).
        unix_from_monotonic_ns: what to add to a monotonic time to get a unix time.
    """

    def __init__(
        self,
        latency_ms: float = 0.0,
        *,
        delay_known: bool = False,
        unix_from_monotonic_ns: Callable[[], int] = lambda: time.time_ns() - time.monotonic_ns(),
    ) -> None:
        self.warning: str | None = None
        self.latency_ms = latency_ms
        self._delay_known = delay_known
        self._unix_from_monotonic_ns = unix_from_monotonic_ns
        self.restart()

    def restart(self) -> None:
        """Forget what was measured on the last connection."""
        self._arrivals = DriftingMin()
        self._ages = DriftingMin()
        self._first_received_s: float | None = None
        self._offsets_s: tuple[float, float] | None = None
        self._believed = False

    def place(
        self,
        time_s: float,
        received_ns: int,
        *,
        camera_unix_ns: int | None = None,
        stamped_by: Clock = "rtcp",
        driver_us: int | None = None,
        held_back_s: float = 0.0,
    ) -> Capture:
        """When the picture was taken.

        Args:
            time_s: the frame's time on the source's own clock.
            received_ns: monotonic.
            camera_unix_ns: the time by RTCP sender reports, or the stamp of a program that pushes; None without.
            stamped_by: which of the two.
            driver_us: the video driver's stamp, if any: microseconds since start-up or since 1970.
            held_back_s: how long a picture is known to wait in this process before it counts as received.
        """
        host_ns = self._unix_from_monotonic_ns()  # read once: if the clock is set meanwhile, both times move or none
        if driver_us is not None and (taken_ns := _driver_moment(driver_us, received_ns, host_ns)) is not None:
            return self._capture(taken_ns, host_ns, "driver", _DRIVER_ERROR_MS)
        arrived_s = received_ns / 1e9 - held_back_s
        offset_s = self._arrivals.add(arrived_s, arrived_s - time_s)
        stamp_error_ms = 0.0
        if camera_unix_ns is not None:
            min_age_s = self._judge_stamp(camera_unix_ns, time_s, arrived_s, host_ns)
            if self._believed:
                taken_ns, error_ms = _by_stamp(camera_unix_ns - host_ns, min_age_s)
                return self._capture(taken_ns, host_ns, stamped_by, error_ms)
            # Cameras' clocks are often wrong, but a program stamps on purpose: its picture may be that old.
            stamp_error_ms = 1e3 * abs(min_age_s) if stamped_by == "push" else 0.0
        if self._first_received_s is None:
            self._first_received_s = arrived_s
        settled = arrived_s - self._first_received_s >= _SETTLED_AFTER_S
        known = self._delay_known or self.latency_ms > 0.0
        error_ms = _STATED_DELAY_ERROR_MS if known else _UNKNOWN_DELAY_ERROR_MS
        error_ms += 0.0 if settled else _UNSETTLED_ERROR_MS
        return self._capture(int((time_s + offset_s) * 1e9), host_ns, "arrival", max(error_ms, stamp_error_ms))

    def _capture(self, monotonic_ns: int, host_ns: int, clock: Clock, error_ms: float) -> Capture:
        taken_ns = monotonic_ns - int(self.latency_ms * 1e6)
        # A host without a battery for its clock starts in 1970, and no message can name a moment before that.
        before_1970_ns = max(0, -(taken_ns + host_ns))
        return Capture(taken_ns, taken_ns + host_ns + before_1970_ns, clock, error_ms + before_1970_ns / 1e6)

    def _judge_stamp(self, camera_unix_ns: int, time_s: float, arrived_s: float, host_ns: int) -> float:
        """Decide whether the stamps are believed; by them, the age in s of the freshest picture at its arrival."""
        clock_was_set = self._a_clock_was_set(camera_unix_ns / 1e9 - time_s, host_ns / 1e9)
        if clock_was_set:
            self._ages = DriftingMin()
        min_age_s = self._ages.add(arrived_s, arrived_s - (camera_unix_ns - host_ns) / 1e9)
        within_s = _BELIEVED_WITHIN_S if self._believed or clock_was_set else _BELIEVED_AGAIN_WITHIN_S
        self._believed = abs(min_age_s) <= within_s
        self.warning = None if self._believed else _warn_of_clock(min_age_s)
        return min_age_s

    def _a_clock_was_set(self, camera_s: float, host_s: float) -> bool:
        """Whether the camera's clock or this computer's jumped since the last picture, or this is the first."""
        was, self._offsets_s = self._offsets_s, (camera_s, host_s)
        if was is None:
            return True
        return max(abs(camera_s - was[0]), abs(host_s - was[1])) > _CLOCK_WAS_SET_S


def _by_stamp(stamp_ns: int, min_age_s: float) -> tuple[int, float]:
    """When a picture was taken, monotonic ns, by a stamp that is believed, and how far off that may be, in ms."""
    # A picture cannot arrive before it was taken: the lead of the camera's clock is subtracted. A lag looks the
    # same as a slow camera, so it stays, and counts as error where no camera is that slow.
    ahead_s = max(0.0, -min_age_s)
    clock_error_s = min_age_s if min_age_s > _USUAL_DELAY_S else ahead_s
    return stamp_ns - int(ahead_s * 1e9), _STAMP_ERROR_MS + 1e3 * clock_error_s


def _driver_moment(stamp_us: int, received_ns: int, host_ns: int) -> int | None:
    """A V4L2 driver's stamp (since start-up, or since 1970) as monotonic ns; None if it can be neither."""
    for taken_ns in (stamp_us * 1000, stamp_us * 1000 - host_ns):
        if abs(received_ns - taken_ns) < _PLAUSIBLE_DRIVER_AGE_NS:
            return taken_ns
    return None


def _warn_of_clock(age_s: float) -> str:
    direction = "behind" if age_s > 0 else "ahead of"
    return (
        f"the camera's clock is {abs(age_s):.1f} s {direction} this computer's, so arrival counts as capture: "
        "let both follow the same time server"
    )
