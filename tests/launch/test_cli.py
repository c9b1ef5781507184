"""The command line itself: quick to answer, one sentence when it is wrong."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from .commands import as_a_user, in_process

COMMANDS = (
    "demo",
    "run",
    "ctl",
    "listen",
    "record",
    "replay",
    "keys",
    "detect",
    "train",
    "eval",
    "verify",
    "bench",
    "probe",
    "check",
    "doctor",
)
HEAVY = {"torch", "av", "cv2", "numpy", "norfair", "zmq", "pydantic", "timm", "transformers"}


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    program = (
        "import sys, json; from groundcast.launch.command_line import run; code = run(['--help']);"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )

    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    code, modules = json.loads(out.splitlines()[-1])
    assert code == 0
    assert not HEAVY & set(modules)
    for command in COMMANDS:
        assert f" {command} " in out


def test_help_groups_the_commands_by_what_a_person_wants(capsys: pytest.CaptureFixture[str]) -> None:
    shown = in_process(capsys, "-h").out

    assert shown == in_process(capsys, "--help").out == in_process(capsys).out
    titles = [line.rstrip(":") for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Options", "Look", "Serve", "Calibrate", "Record", "Learn", "Measure"]
    assert all(f"  {option}" in shown for option in ("--version ", "-h, --help ", "--install-completion "))
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["re"], {"record", "replay"}),
        (["run", "--se"], set[str]()),
        (["run", "--s"], {"--source", "--size", "--stream"}),
        (["ctl", "th"], {"thresholds"}),
        (["bench", "kernel", "--p"], {"--pairs"}),
    ],
)
def test_bash_completes_commands_and_options_without_torch(words: list[str], completed: set[str]) -> None:
    program = (
        "import sys; from groundcast.launch.command_line import run; code = run([]);"
        "print(*sorted({'torch', 'transformers'} & set(sys.modules)), code, file=sys.stderr)"
    )
    line = ["groundcast", *words]
    environment = {
        "_GROUNDCAST_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )

    assert set(done.stdout.split()) == completed
    assert done.stderr == "0\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_takes_the_completion_that_is_installed(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    program = tmp_path / "groundcast"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m groundcast.launch.cli "$@"\n')
    program.chmod(0o755)
    typed = (
        f"{program} --install-completion >&2; source {tmp_path}/.bashrc;"
        f"COMP_WORDS=(groundcast pro); COMP_CWORD=1; _groundcast_completion {program};"
        'echo "${COMPREPLY[@]}"'
    )

    done = subprocess.run(["bash", "-c", typed], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout == "probe\n"


def test_commands_that_run_no_node_load_no_health_server() -> None:
    program = (
        "import sys; from groundcast.launch import detect, record, replay;"
        "print([name for name in sys.modules if name.startswith('groundcast.launch.service')])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, command, "--help")

    assert ended.code == 0
    assert "Usage: groundcast" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dance"], "No such command 'dance'"),
        (["run", "--sauce", "a"], "No such option: --sauce"),
        (["run", "--threshold", "high"], "Invalid value for '--threshold'"),
        (["detect"], "Missing"),
        (["run"], "no source: name a settings file, or --source"),
        (["run", "--source", "a.mp4"], "no prompt: write --prompt"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, *arguments)

    assert ended.code == 2
    assert said in ended.sentence


def test_its_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "--version")
    assert (ended.code, ended.out) == (0, f"groundcast {version('groundcast')}\n")


def test_the_installed_command_runs() -> None:
    ended = as_a_user("dance")

    assert ended.code == 2
    assert ended.sentence.startswith("No such command 'dance'")


def test_the_help_of_run_shows_what_holds_where_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(in_process(capsys, "run", "--help").out.split())

    for default in ("tabletop", "auto", "as trained", "0.3", "tcp://127.0.0.1:5570", "groundcast", "asap", "text"):
        assert f"[default: ({default})]" in shown


def test_an_error_of_our_own_making_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from groundcast.launch import check

    def broken(*_: object) -> None:
        raise KeyError("a mistake in the program")

    monkeypatch.setattr(check, "read_values", broken)

    with pytest.raises(KeyError):
        in_process(capsys, "check", "x.yaml")


def test_doctor_finds_what_a_node_needs(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "doctor", "--json")

    report = json.loads(ended.out)
    findings = {finding["what"]: finding for finding in report["findings"]}
    assert ended.code == 0
    assert report["ok"]
    assert findings["deform_attn reference"]["state"] == "ok"
    assert "h264" in findings["decoders"]["said"]


def test_doctor_names_the_extra_of_each_library_and_asks_for_those_of_a_node(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def requires(_: str) -> list[str]:
        return ['no-page>=1; extra == "web"', 'no-node>=1; extra == "node"', 'no-page>=1; extra == "edit"']

    monkeypatch.setattr("importlib.metadata.requires", requires)

    ended = in_process(capsys, "doctor", "--json")

    found = [one for one in json.loads(ended.out)["findings"] if one["what"].startswith("no-")]
    assert [(one["what"], one["state"]) for one in found] == [("no-page", "absent"), ("no-node", "missing")]
    assert [one["said"] for one in found] == ["pip install 'groundcast[web]'", "pip install 'groundcast[node]'"]


@pytest.mark.parametrize("command", ["page", "serve"])
def test_a_command_names_the_extra_of_the_library_that_it_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delitem(sys.modules, "groundcast.launch.web.http_server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    ended = in_process(capsys, command)

    assert ended.code == 2
    assert ended.err.endswith("uvicorn is missing, which this command needs: pip install 'groundcast[node,web]'\n")


@pytest.mark.parametrize(
    ("command", "module", "code"),
    [
        ("listen", "groundcast.launch.command_line", 0),
        ("listen", "groundcast.stream.source_url", 0),
        ("listen", "typer", 0),
        ("listen", "groundcast.launch.commands", 0),
        ("listen", "zmq", 0),
        ("detect", "groundcast.launch.exits", 130),
        ("ctl", "groundcast.stream.controller", 130),
    ],
)
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_word(command: str, module: str, code: int) -> None:
    program = (
        "import signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == sys.argv[-1]:\n"
        "            sys.meta_path.remove(self)\n"
        "            sys.argv.pop()\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from groundcast.launch.cli import main\n"
        "main()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, command, "status", module], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
