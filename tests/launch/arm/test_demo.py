"""`groundcast demo arm` as a user runs it: a node, a controller and the simulated arm in their own processes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from groundcast.launch.arm.demo import fault_figures, node_settings, summary
from groundcast.launch.arm.options import ArmOptions
from groundcast.launch.arm.trial import TrialRecord
from groundcast.launch.settings.settings_file import read_settings

from ..commands import as_a_user

needs_mujoco = pytest.mark.skipif(find_spec("mujoco") is None, reason="needs MuJoCo: pip install 'groundcast[eval]'")


def options(tmp_path: Path) -> ArmOptions:
    return ArmOptions(5, 1, 600.0, 10.0, 0.5, faults=False, out=tmp_path)


@needs_mujoco
def test_the_figures_count_what_was_picked_and_every_stale_command(tmp_path: Path) -> None:
    records = [TrialRecord("red mug", picked=number != 4, commands=10, ages_ms=[100.0, 300.0]) for number in range(5)]
    records[2].stale, records[3].expired = 2, 1

    figures = summary(records, options(tmp_path))

    assert (figures["trials"], figures["picked"], figures["moved"], figures["picked_moved"]) == (5, 4, 1, 0)
    assert (figures["commands"], figures["stale_commands"], figures["expired_commands"]) == (50, 2, 1)
    assert figures["age_ms"] == {"median": 200.0, "p95": 300.0, "max": 300.0}
    assert figures["grip_error_mm"] is None


@needs_mujoco
def test_the_node_takes_the_settings_of_the_demonstration(tmp_path: Path) -> None:
    from groundcast.launch.arm.cell import build_cell

    settings = tmp_path / "arm.yaml"
    settings.write_text(json.dumps(node_settings(f"ipc://{tmp_path}/camera", build_cell(1), tmp_path)))
    assert read_settings(settings, {}).sources[0].name == "wrist"


@needs_mujoco
def test_a_fault_that_never_began_is_said(tmp_path: Path) -> None:
    assert fault_figures(TrialRecord("red mug"))["begun"] is False
    assert fault_figures(TrialRecord("red mug", still_after_ms=500.0, moved_after_m=0.001))["moved_later_mm"] == 1.0


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    ended = as_a_user("demo", "arm", "--out", tmp_path / "none")

    assert ended.code == 2
    assert "is not a folder" in ended.sentence


@pytest.mark.bar
@pytest.mark.slow
@needs_mujoco
def test_the_arm_picks_a_thing_and_stops_when_the_camera_freezes(tmp_path: Path) -> None:
    ended = as_a_user("demo", "arm", "--trials", "1", "--max-age-ms", "2000", "--out", tmp_path, "--json")

    assert ended.code == 0, ended.err
    figures = json.loads(ended.out.splitlines()[-1])
    assert figures["picked"] == 1
    assert figures["stale_commands"] == 0
    assert figures["faults"]["frozen"]["stale_commands"] == 0
    assert figures["faults"]["frozen"]["still_after_ms"] <= 2050
    assert (tmp_path / "arm.mp4").stat().st_size > 10_000
