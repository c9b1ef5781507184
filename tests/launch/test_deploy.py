"""The files for systemd and Docker: what they name is there, and what they run is a command that groundcast takes."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from groundcast.launch.commands import groundcast_app
from groundcast.launch.service.health import HANGS_AFTER_S
from groundcast.launch.settings.settings_file import read_settings
from groundcast.stream.sockets.descriptors import RAISED_TO

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "launch" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
UNIT = (DEPLOY / "groundcast.service").read_text()


def instructions(name: str) -> list[str]:
    return re.findall(rf"^\s*{name} +(.*)$", DOCKERFILE, re.MULTILINE)


def of_unit(key: str) -> str:
    (value,) = re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)
    return value


def node_service() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["node"]


def commands() -> dict[str, list[str]]:
    entry, default = json.loads(instructions("ENTRYPOINT")[0]), json.loads(instructions("CMD")[-1])
    return {
        "unit": shlex.split(of_unit("ExecStart")),
        "image": [*entry, *default],
        "compose": [*entry, *node_service()["command"]],
    }


@pytest.mark.parametrize("where", ["unit", "image", "compose"])
def test_the_command_is_one_that_groundcast_takes(where: str) -> None:
    program, *arguments = commands()[where]
    options = {word: "" for word in arguments if word.startswith("--")}
    helped = CliRunner(env={"COLUMNS": "200"}).invoke(groundcast_app(), ["run", "--help"]).output

    assert Path(program).name == "groundcast"
    assert arguments[0] == "run"
    assert {"--quiet", "--log-format", "--health"} == set(options)
    assert all(f"{option} " in helped for option in options)


def test_the_health_check_asks_where_the_node_answers() -> None:
    (check,) = re.findall(r"urlopen\('http://([^/]+)/healthz'", DOCKERFILE)

    for words in commands().values():
        assert words[words.index("--health") + 1] == check
    program = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])
    assert program[:2] == ["python", "-c"]
    compile(program[2], "check", "exec")


def test_what_the_image_is_built_from_is_there_and_not_ignored() -> None:
    sources = [name for line in instructions("COPY") if "--from" not in line for name in line.split()[:-1]]
    rules = [
        line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]

    assert {"pyproject.toml", "cuda", "model", "stream", "launch"} <= set(sources)
    for name in sources:
        assert (ROOT / name).exists()
        verdict = [rule for rule in rules if fnmatch(name, rule.removeprefix("!"))][-1]
        assert verdict == f"!{name}"


def test_compose_gives_the_cameras_their_password(tmp_path: Path) -> None:
    service = node_service()
    folder = (DEPLOY / service["volumes"][0].split(":")[0]).resolve()
    settings = folder / Path(commands()["compose"][2]).name

    read_settings(settings, dict.fromkeys(service["environment"], "x")).to_options()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_the_watchdog_waits_longer_than_we_do_and_the_end_has_its_time() -> None:
    assert of_unit("Type") == "notify"
    assert int(of_unit("WatchdogSec").removesuffix("s")) > 2 * HANGS_AFTER_S
    assert int(of_unit("TimeoutStopSec").removesuffix("s")) > 2
    assert int(node_service()["stop_grace_period"].removesuffix("s")) > 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    unit = tmp_path / "groundcast.service"
    unit.write_text(UNIT.replace(commands()["unit"][0], sys.executable))

    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)

    assert (said.returncode, said.stderr) == (0, "")


def test_the_unit_gives_a_node_as_many_descriptors_as_it_takes() -> None:
    assert int(of_unit("LimitNOFILE")) == RAISED_TO
