"""Trial: one cell in real time, with the camera's pictures and the flange's poses sent to a node, and a controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...stream.pusher import Pusher
from .cell import FINGERS_M, HALF_AREA, TABLE, Cell
from .robot import ArmCommand, Robot
from .wrist_camera import CellRenderer, Picture

Fault = Literal["frozen", "killed", "clock"]

POSE_STEP_NS = 10_000_000  # 100 poses a second
_MAX_LAG_NS = 2_000_000_000  # a computer that is later than this makes simulated time stand still
_CLOCK_STEP_NS = 30_000_000_000
_DRAG_S = 0.8
_LIFTED_M = 0.08
_TICK_S = 0.005


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """How a trial runs.

    Args:
        max_age_ms: the controller's gate.
        rate_hz: of the camera.
        speed: how fast simulated time passes.
        timeout_s: for one pick, in simulated time.
        moved: the thing is dragged elsewhere once the descent has begun.
        fault: what breaks once the approach has begun.
    """

    max_age_ms: float
    rate_hz: float
    speed: float
    timeout_s: float = 40.0
    moved: bool = False
    fault: Fault | None = None


@dataclass
class TrialRecord:
    """What the judge saw: the truth from the simulation beside the controller's commands.

    Args:
        picked: the thing was lifted by 8 cm and held.
        seconds: of simulated time.
        tries: how often the gripper closed.
        commands: how many the arm obeyed; `stale` of them were decided on a picture older than `max_age_ms`.
        expired: commands that arrived when their time was over, which the arm refused.
        ages_ms: true ages of the pictures behind the commands, as the arm obeyed them.
        grip_error_m: from the tip to the thing's middle, horizontally, when the fingers closed; None if they did not.
        still_after_ms: after a fault, from the last picture that was right until the arm stood still for good.
        moved_after_m: how far the tip moved later than `max_age_ms` + 50 ms after that picture.
        phases: the phases in their order.
        lag_ms: the longest time by which the simulation was late.
    """

    phrase: str
    picked: bool = False
    seconds: float = 0.0
    tries: int = 0
    commands: int = 0
    stale: int = 0
    expired: int = 0
    ages_ms: list[float] = field(default_factory=list[float])
    grip_error_m: float | None = None
    still_after_ms: float | None = None
    moved_after_m: float | None = None
    phases: list[str] = field(default_factory=list[str])
    lag_ms: float = 0.0


class ControllerProcess:
    """The controller in its own process, with a pipe each way."""

    def __init__(self, address: str, control: str, phrase: str, options: TrialOptions) -> None:
        command = [sys.executable, "-m", "groundcast.launch.arm.controller", address, control, phrase]
        command += [str(options.max_age_ms), str(options.speed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._rest = b""

    def send_state(self, robot: Robot) -> None:
        """Send where the tip is; a controller that has ended is no error."""
        assert self._process.stdin is not None
        state = {"tip_m": robot.tip_m.tolist(), "grip_m": robot.grip_m}
        try:
            self._process.stdin.write(json.dumps(state).encode() + b"\n")
        except BrokenPipeError:
            return

    def commands(self) -> list[dict[str, Any]]:
        """Those that have arrived."""
        assert self._process.stdout is not None
        data = self._process.stdout.read()
        if not data:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines if line]

    def __enter__(self) -> ControllerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Trial:
    """One pick in one cell.

    Args:
        cell: the arm and the objects.
        renderer: of the cell.
        pusher: to the node's source.
        controller: the process that moves the arm.
        options: how it runs.
        kill_node: for the fault "killed".
        on_frame: called with each picture and the newest command, for a video.
    """

    def __init__(
        self,
        cell: Cell,
        renderer: CellRenderer,
        pusher: Pusher,
        controller: ControllerProcess,
        options: TrialOptions,
        kill_node: Callable[[], None],
        on_frame: Callable[[Robot, Picture, dict[str, Any], float], None] | None = None,
    ) -> None:
        self._robot = Robot(cell, options.speed)
        self._renderer = renderer
        self._pusher = pusher
        self._controller = controller
        self._options = options
        self._kill_node = kill_node
        self._on_frame = on_frame
        self._target = cell.objects[0]
        self.record = TrialRecord(self._target.phrase)
        self._taken_ns: dict[int, int] = {}  # the stamp of each picture, and when it was truly taken
        self._command: dict[str, Any] = {}
        self._last_right_ns: int | None = None
        self._frozen: tuple[Picture, NDArray[np.uint16], int] | None = None
        self._drag: tuple[int, NDArray[np.float64], NDArray[np.float64]] | None = None
        self._still_since_ns: int | None = None

    def run(self) -> TrialRecord:
        """Run until the thing is lifted, the controller gives up, or the time is over."""
        begin_ns = now_ns = pose_ns = time.time_ns()
        frame_ns = now_ns
        end_ns = begin_ns + int(self._options.timeout_s / self._options.speed * 1e9)
        while now_ns < end_ns and not self._is_over(now_ns):
            wall_ns = time.time_ns()
            for values in self._controller.commands():
                self._obey(values, wall_ns)
            lag_ns = wall_ns - now_ns
            self.record.lag_ms = max(self.record.lag_ms, lag_ns / 1e6)
            if lag_ns > _MAX_LAG_NS:
                now_ns = pose_ns = wall_ns - _MAX_LAG_NS
            while pose_ns + POSE_STEP_NS <= wall_ns:
                now_ns = self._robot.advance(now_ns, pose_ns + POSE_STEP_NS)
                pose_ns += POSE_STEP_NS
                self._after_step(now_ns)
            if now_ns >= frame_ns:
                self._send_frame(now_ns)
                frame_ns = max(frame_ns + int(1e9 / self._options.rate_hz), now_ns)
            self._controller.send_state(self._robot)
            time.sleep(_TICK_S)
        self._finish(now_ns, (now_ns - begin_ns) / 1e9 * self._options.speed)
        return self.record

    def _after_step(self, now_ns: int) -> None:
        pose = self._robot.base_from_flange
        self._pusher.send_pose(pose.translation_m.tolist(), pose.quaternion_xyzw.tolist(), self._stamp(now_ns))
        if self._drag is not None:
            began_ns, start, end = self._drag
            share = min(1.0, (now_ns - began_ns) / 1e9 * self._options.speed / _DRAG_S)
            x, y = (start + share * (end - start))[:2].tolist()
            self._robot.push(self._target.name, (x, y))
            if share >= 1.0:
                self._drag = None
        if self._last_right_ns is not None:
            self._judge_standstill(now_ns)

    def _judge_standstill(self, now_ns: int) -> None:
        assert self._last_right_ns is not None
        if not self._robot.stands_still:
            self._still_since_ns = None
            if now_ns - self._last_right_ns > (self._options.max_age_ms + 50) * 1e6:
                moved = self._robot.tip_speed_m_s * POSE_STEP_NS / 1e9
                self.record.moved_after_m = (self.record.moved_after_m or 0.0) + moved
        elif self._still_since_ns is None:
            self._still_since_ns = now_ns

    def _stamp(self, true_ns: int) -> int:
        stepped = self._options.fault == "clock" and self._last_right_ns is not None
        return true_ns + (_CLOCK_STEP_NS if stepped else 0)

    def _send_frame(self, now_ns: int) -> None:
        if self._options.fault == "frozen" and self._last_right_ns is not None and self._frozen is not None:
            image, depth, stamp_ns = self._frozen  # a driver that repeats its last picture
        else:
            image, distance = self._renderer.take(self._robot.data)
            depth, stamp_ns = self._renderer.measure(distance), self._stamp(now_ns)
            self._taken_ns[stamp_ns] = now_ns
            self._frozen = (image, depth, stamp_ns)
        self._pusher.send(image, stamp_ns, frame_id="wrist_optical", depth=depth, depth_unit_m=0.001)
        if self._on_frame is not None:
            self._on_frame(self._robot, image, self._command, now_ns / 1e9)

    def _obey(self, values: dict[str, Any], wall_ns: int) -> None:
        record = self.record
        until_ns = wall_ns + values["until_monotonic_ns"] - time.monotonic_ns()
        if until_ns <= wall_ns:  # it was on its way for too long
            record.expired += 1
            return
        self._command = values
        true_ns = self._taken_ns.get(values["captured_unix_ns"])
        age_ms = float("inf") if true_ns is None else (wall_ns - true_ns) / 1e6
        record.commands += 1
        record.ages_ms.append(age_ms)
        record.stale += age_ms > self._options.max_age_ms
        record.tries = values["tries"]
        phase = values["phase"]
        if not record.phases or record.phases[-1] != phase:
            record.phases.append(phase)
            self._on_phase(phase, wall_ns)
        command = ArmCommand(tuple(values["tip_m"]), values["speed_m_s"], values["closed"], until_ns)
        self._robot.obey(command, wall_ns)

    def _on_phase(self, phase: str, now_ns: int) -> None:
        if phase == "grip":
            away = self._robot.place_of(self._target.name) - self._robot.tip_m
            self.record.grip_error_m = float(np.hypot(away[0], away[1]))
        if phase == "down" and self._options.moved and self.record.phases.count("down") == 1:
            start = self._robot.place_of(self._target.name)
            self._drag = (now_ns, start, self._elsewhere(start))
        if phase == "above" and self._options.fault is not None and self._last_right_ns is None:
            self._last_right_ns = max(self._taken_ns.values(), default=now_ns)
            if self._options.fault == "killed":
                self._kill_node()

    def _elsewhere(self, start: NDArray[np.float64]) -> NDArray[np.float64]:
        """A place 6 to 11 cm away that the others leave free."""
        rng = np.random.default_rng(int(abs(start[0] + start[1]) * 1e6))
        others = [self._robot.place_of(one.name) for one in self._robot.cell.objects[1:]]
        for _ in range(300):
            angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.11)
            place = start + far * np.array([np.cos(angle), np.sin(angle), 0.0])
            inside = all(abs(place[i] - TABLE[i]) < HALF_AREA[i] for i in (0, 1))
            way = [start + share * (place - start) for share in (0.5, 1.0)]
            if inside and all(np.hypot(*(p - o)[:2]) > FINGERS_M + 0.03 for o in others for p in way):
                return place
        return start + np.array([0.0, 0.04, 0.0])

    def _is_over(self, now_ns: int) -> bool:
        if self._last_right_ns is not None:
            return (now_ns - self._last_right_ns) / 1e6 > self._options.max_age_ms * 2 + 1500
        return self._command.get("phase") == "done"

    def _finish(self, now_ns: int, seconds: float) -> None:
        record = self.record
        record.seconds = seconds
        record.picked = float(self._robot.place_of(self._target.name)[2]) > _LIFTED_M
        if self._last_right_ns is not None:
            still_ns = self._still_since_ns or now_ns
            record.still_after_ms = (still_ns - self._last_right_ns) / 1e6
            record.moved_after_m = record.moved_after_m or 0.0
