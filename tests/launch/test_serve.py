"""`groundcast serve` as a process: its ready line, an answer, Ctrl-C; and what it refuses to start with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from .commands import in_process

STARTED = (str(Path(sys.executable).parent / "groundcast"), "serve", "--address", "127.0.0.1:0", "--json")


def test_it_answers_until_ctrl_c() -> None:
    with subprocess.Popen(STARTED, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["ready"]["url"]
        assert httpx.get(f"{url}/readyz", timeout=60).json() == {"ready": True}
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--address", "0.0.0.0:8000"), "can be reached by others"),
        (("--address", "nonsense"), "must look like"),
        (("--fetch-from", "example.org"), "http://host:port"),
        (("--label-studio-token", "/tmp/none"), "--label-studio URL"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], part: str
) -> None:
    ended = in_process(capsys, "serve", *arguments)
    assert ended.code == 2
    assert part in ended.sentence


def test_a_token_that_others_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o644)
    ended = in_process(capsys, "serve", "--label-studio", "http://127.0.0.1:1", "--label-studio-token", str(token))
    assert ended.code == 2
    assert "can be read by others" in ended.sentence
