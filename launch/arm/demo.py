"""`groundcast demo arm`: a simulated arm picks things by a node's messages, and is judged by the simulation's truth."""

from __future__ import annotations

import itertools
import json
import os
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import typer

from ...stream.pusher import Pusher
from ..exits import RunError
from ..node.node_process import NodeProcess
from ..node.signals import interrupted_by_sigterm
from ..show.draw import save
from ..show.video_file import VideoFile
from .cell import Cell, build_cell
from .drawing import draw_trial
from .options import ArmOptions
from .robot import Robot
from .trial import ControllerProcess, Fault, Trial, TrialOptions, TrialRecord
from .wrist_camera import CellRenderer, Picture, flange_from_camera, wrist_intrinsics

FAULTS: tuple[Fault, ...] = ("frozen", "clock", "killed")
_MOVED_EVERY = 5  # of so many trials one has its thing moved
_VIDEO_TRIALS = 3
_VIDEO_EVERY = 3  # pictures: the view from outside costs as much as the camera's own
_SIZE_PX = 240  # of the network's input: things are large in the wrist camera's picture


def demo_arm(options: ArmOptions, *, as_json: bool) -> None:
    """Run all trials, then the faults, and print the figures."""
    records: list[TrialRecord] = []
    broken: dict[str, TrialRecord] = {}
    with _ArmStage(options) as stage:
        for number in range(options.trials):
            moved = number % _MOVED_EVERY == _MOVED_EVERY - 1
            record = stage.run(number, moved=moved, fault=None)
            records.append(record)
            if not as_json:
                _say_trial(number, record, moved=moved)
        for number, fault in enumerate(FAULTS if options.faults else ()):
            broken[fault] = stage.run(options.trials + number, moved=False, fault=fault)
            if not as_json:
                _say_fault(fault, broken[fault], options.max_age_ms)
        video, picture = stage.video, stage.picture
    figures = {**summary(records, options), "faults": {name: fault_figures(one) for name, one in broken.items()}}
    if as_json:
        print(
            json.dumps({**figures, "trials_list": [_row(one) for one in records], "video": video, "picture": picture})
        )
    else:
        typer.echo(f"picked {figures['picked']} of {figures['trials']}; written: {video}, {picture}")


def summary(records: list[TrialRecord], options: ArmOptions) -> dict[str, Any]:
    """The figures of all trials without a fault."""
    ages = [age for one in records for age in one.ages_ms]
    errors = [one.grip_error_m * 1e3 for one in records if one.grip_error_m is not None]
    moved = [one for number, one in enumerate(records) if number % _MOVED_EVERY == _MOVED_EVERY - 1]
    return {
        "trials": len(records),
        "picked": sum(one.picked for one in records),
        "moved": len(moved),
        "picked_moved": sum(one.picked for one in moved),
        "commands": sum(one.commands for one in records),
        "stale_commands": sum(one.stale for one in records),
        "expired_commands": sum(one.expired for one in records),
        "age_ms": _spread(ages),
        "grip_error_mm": _spread(errors),
        "seconds": _spread([one.seconds for one in records]),
        "max_age_ms": options.max_age_ms,
        "speed": options.speed,
        "rate_hz": options.rate_hz,
    }


def fault_figures(record: TrialRecord) -> dict[str, Any]:
    """What a fault did: the arm must stand still soon after the last picture that was right."""
    return {
        "begun": record.still_after_ms is not None,
        "commands": record.commands,
        "stale_commands": record.stale,
        "still_after_ms": record.still_after_ms,
        "moved_later_mm": None if record.moved_after_m is None else record.moved_after_m * 1e3,
    }


class _ArmStage:
    """The node, the socket to it and the video, for one trial after another."""

    def __init__(self, options: ArmOptions) -> None:
        self._options = options
        self._stack = ExitStack()
        self.video = str(options.out / "arm.mp4")
        self.picture = str(options.out / "arm.png")

    def __enter__(self) -> _ArmStage:
        with self._stack:
            self._stack.enter_context(interrupted_by_sigterm())
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="groundcast-")))
            self._address = f"ipc://{folder}/camera"
            settings = folder / "arm.yaml"
            first = build_cell(self._options.seed)
            settings.write_text(json.dumps(node_settings(self._address, first, folder)))  # JSON is YAML too
            self._video = self._stack.enter_context(VideoFile(Path(self.video)))
            self._node = self._stack.enter_context(NodeProcess(settings))
            if self._node.control is None:
                raise RunError("the node has no control socket: run 'groundcast doctor'")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def run(self, number: int, *, moved: bool, fault: Fault | None) -> TrialRecord:
        """One trial in a cell of its own."""
        one = self._options
        cell = build_cell(one.seed + number)
        options = TrialOptions(one.max_age_ms, one.rate_hz, one.speed, moved=moved, fault=fault)
        renderer = CellRenderer(cell, one.seed + number)
        assert self._node.control is not None
        try:
            with (
                Pusher(self._address, wait_s=0.2) as pusher,
                ControllerProcess(
                    self._node.address, self._node.control, cell.objects[0].phrase, options
                ) as controller,
            ):
                on_frame = self._film(renderer, cell) if number < _VIDEO_TRIALS else None
                return Trial(cell, renderer, pusher, controller, options, self._kill, on_frame).run()
        finally:
            renderer.close()

    def _film(self, renderer: CellRenderer, cell: Cell) -> Any:
        """Adds each picture to the video, beside a view from outside."""

        count = itertools.count()

        def add(robot: Robot, wrist: Picture, command: dict[str, Any], now_s: float) -> None:
            if next(count) % _VIDEO_EVERY:
                return
            outside, _ = renderer.take(robot.data, "outside")
            frame = draw_trial(outside, wrist, cell.objects[0].phrase, command)
            self._video.write(frame, now_s * self._options.speed)
            if command.get("phase") in (None, "above", "down", "grip", "lift"):
                save(frame, Path(self.picture))

        return add

    def _kill(self) -> None:
        os.kill(self._node.pid, signal.SIGKILL)


def node_settings(address: str, cell: Cell, folder: Path) -> dict[str, Any]:
    """The settings of the node for the wrist camera of a cell."""
    camera, mount = wrist_intrinsics(), flange_from_camera(cell).placement
    return {
        "node": f"arm-{os.getpid()}",  # beside any other
        "prompt": "white bowl",  # until the controller asks for something
        "model": {"name": "tabletop"},
        "publish": {"address": f"ipc://{folder}/publish"},
        "control": {"address": f"ipc://{folder}/control"},
        "tracker": {"confirm_hits": 2, "coast_s": 1.0},
        "sources": [
            {
                "name": "wrist",
                "url": f"push:{address}",
                "size_px": _SIZE_PX,
                "geometry": {
                    "frame": "base",
                    "camera": asdict(camera),
                    "flange_from_camera": asdict(mount),
                    "depth": {"min_m": 0.08, "max_m": 3.0},
                    "poses": {"wait_ms": 400, "max_gap_ms": 200},
                },
            }
        ],
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    median, p95 = np.percentile(values, [50, 95]).tolist()
    return {"median": round(median, 2), "p95": round(p95, 2), "max": round(max(values), 2)}


def _row(record: TrialRecord) -> dict[str, Any]:
    row = asdict(record)
    row["ages_ms"] = _spread(record.ages_ms)
    return row


def _say_trial(number: int, record: TrialRecord, *, moved: bool) -> None:
    how = "picked" if record.picked else "not picked"
    said = ", moved meanwhile" if moved else ""
    ages = _spread(record.ages_ms) or {"median": 0.0, "max": 0.0}
    typer.echo(
        f"{number + 1:3} {record.phrase:<14}{how} after {record.seconds:.1f} s{said}; {record.commands} commands, the "
        f"picture's age {ages['median']:.0f} ms (at most {ages['max']:.0f})"
    )


def _say_fault(fault: Fault, record: TrialRecord, max_age_ms: float) -> None:
    if record.still_after_ms is None:
        typer.echo(f"{fault}: the approach never began, so nothing was broken")
        return
    typer.echo(
        f"{fault}: {record.stale} commands on a picture older than {max_age_ms:.0f} ms; the arm stood still "
        f"{record.still_after_ms:.0f} ms after the last picture that was right"
    )
