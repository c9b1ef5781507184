"""The package holds what lies in the floors, and takes no other module's name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("launch", "stream", "model", "cuda")


def test_every_file_of_the_floors_is_in_the_wheel(wheel: Path, project_files: list[str]) -> None:
    packed = {name.removeprefix("groundcast/") for name in _names(wheel) if ".dist-info/" not in name}

    assert packed == {name for name in project_files if name.split("/")[0] in FLOORS}


def test_the_client_needs_two_libraries(wheel: Path) -> None:
    lines = _text(wheel, "/METADATA").splitlines()

    needs = [line.split(": ")[1] for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert sorted(needs) == ["msgpack>=1.0.8", "pyzmq>=26"]


def test_the_wheel_brings_the_command(wheel: Path) -> None:
    assert "groundcast = groundcast.launch.cli:main" in _text(wheel, "/entry_points.txt")


def test_our_cuda_folder_does_not_hide_nvidia_s() -> None:
    if importlib.util.find_spec("cuda.bindings") is None:
        pytest.skip("NVIDIA's cuda.bindings is not installed")

    command = [sys.executable, "-c", "import cuda.bindings; print(cuda.bindings.__file__)"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "site-packages" in found


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def _text(wheel: Path, ending: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(ending))).decode()
