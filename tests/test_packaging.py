"""What a user installs is what lies in the floors, and it does not stand in anybody's way."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("launch", "stream", "model", "cuda")


@pytest.fixture(scope="session")
def clean_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that belong to the project, as they stand now, without leftovers such as an old build folder."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project cannot be told")
    export = tmp_path_factory.mktemp("export")
    for name in _project_files():
        target = export / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    return export


def test_every_file_of_the_floors_is_in_the_wheel(clean_export: Path, tmp_path: Path) -> None:
    wheel = build_wheel(clean_export, tmp_path)

    packed = {
        name.removeprefix("groundcast/") for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name
    }
    wanted = {name for name in _project_files() if name.split("/")[0] in FLOORS}
    assert packed == wanted


def test_the_wheel_needs_only_the_client_s_two_libraries(clean_export: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build_wheel(clean_export, tmp_path)) as wheel:
        metadata = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
        entry_points = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("entry_points.txt"))

    needs = [
        line.split(": ")[1]
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist") and "extra" not in line
    ]
    assert sorted(needs) == ["msgpack>=1.0.8", "pyzmq>=26"]
    assert "groundcast = groundcast.launch.cli:main" in entry_points


def test_our_cuda_folder_does_not_hide_nvidia_s() -> None:
    if importlib.util.find_spec("cuda") is None or importlib.util.find_spec("cuda.bindings") is None:
        pytest.skip("NVIDIA's cuda.bindings is not installed")

    found = subprocess.run(
        [sys.executable, "-c", "import cuda.bindings; print(cuda.bindings.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "site-packages" in found


def build_wheel(source: Path, out: Path) -> Path:
    """A wheel of the project in `source`, made with what is installed here."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


def _project_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())
