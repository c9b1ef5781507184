"""The tracker and a node's loop on numpy 2 without norfair: in an environment of its own, on a new Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = (
    *("numpy>=2", "scipy", "av>=18,<19", "opencv-python-headless>=4.11,<5", "pillow", "pyzmq", "msgpack"),
    *("cryptography", "mcap", "pydantic", "PyYAML", "pytest>=9", "pytest-asyncio", "hypothesis"),
)
TESTS = ("tests/stream/tracking", "tests/stream/test_pipeline_trackers.py")
CHECK = "import numpy, importlib.util as u; assert numpy.__version__ >= '2' and u.find_spec('norfair') is None"


@pytest.mark.slow
def test_a_node_tracks_on_numpy_2_without_norfair(tmp_path: Path) -> None:
    python = _environment(tmp_path / "env")
    house = tmp_path / "house" / "groundcast"
    house.mkdir(parents=True)
    for floor in ("launch", "stream", "model", "cuda"):
        (house / floor).symlink_to(ROOT / floor)
    environment = {**os.environ, "PYTHONPATH": str(house.parent)}
    subprocess.run([python, "-c", CHECK], check=True)
    command = [python, "-m", "pytest", *TESTS, "-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests")]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    print(run.stdout[-2000:])
    assert run.returncode == 0, run.stdout[-4000:]
    assert " passed" in run.stdout


def _environment(folder: Path) -> str:
    subprocess.run([_newest_python(), "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    install = subprocess.run(
        [python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, text=True, check=False
    )
    if install.returncode:
        pytest.skip(f"numpy 2 and what a node's loop needs cannot be installed: {install.stderr.strip()[-200:]}")
    return python


def _newest_python() -> str:
    """Python 3.13 where one runs here, else the one of these tests."""
    found = shutil.which("python3.13")
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return found
    return sys.executable
