"""Controller: a process of its own that moves the arm, and knows the world by a node's messages alone.

It needs pyzmq and msgpack, as any program that subscribes. The robot's side is a pair of pipes with a JSON object a
line: the robot's state comes in, commands go out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from ...stream.controller import Controller
from ...stream.subscriber import Subscriber
from .picker import ArmState, Picker

MAX_SIGMA_M = 0.02


class _RobotPipe:
    """The newest state that the robot has sent, and the way for commands."""

    def __init__(self) -> None:
        os.set_blocking(0, False)
        self._rest = b""
        self._state: ArmState | None = None

    def state(self) -> ArmState | None:
        """The newest one; None before the first.

        Raises:
            EOFError: the robot has gone.
        """
        while True:
            try:
                data = os.read(0, 65536)
            except BlockingIOError:
                return self._state
            if not data:
                raise EOFError
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines[-1:]:
                values: dict[str, Any] = json.loads(line)
                x, y, z = values["tip_m"]
                self._state = ArmState((x, y, z), values["grip_m"])

    def send(self, **values: object) -> None:
        """Send one command."""
        os.write(1, json.dumps(values).encode() + b"\n")


def main() -> None:
    """Pick one thing: `controller ADDRESS CONTROL PHRASE MAX_AGE_MS SPEED`."""
    address, control, phrase, max_age, speed = sys.argv[1:]
    max_age_ms = float(max_age)
    robot, picker = _RobotPipe(), Picker(phrase, float(speed))
    with (
        Controller(control) as node,
        node.ask([phrase]),
        Subscriber(address, max_age_ms=max_age_ms, max_sigma_m=MAX_SIGMA_M) as messages,
    ):
        for message in messages:
            state = robot.state()
            age_ms = message.age_ms_now()
            if state is None or age_ms is None:
                continue
            left_ms = max_age_ms - age_ms - (message.frame.captured_error_ms or 0.0)  # it may be that much older
            if left_ms <= 0.0:
                continue
            decision = picker.decide(message, state, time.monotonic())
            if decision is not None:
                robot.send(
                    tip_m=decision.tip_m,
                    speed_m_s=decision.speed_m_s,
                    closed=decision.closed,
                    phase=decision.phase,
                    until_monotonic_ns=time.monotonic_ns() + int(left_ms * 1e6),
                    age_ms=age_ms,
                    captured_unix_ns=message.frame.captured_sent_unix_ns or message.frame.captured_unix_ns,
                    tries=picker.tries,
                )


if __name__ == "__main__":
    try:
        main()
    except (EOFError, KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
