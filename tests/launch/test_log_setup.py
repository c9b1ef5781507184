"""The log: one JSON object a line where that is wanted, and never a password."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from groundcast.launch.log_setup import JsonLines, PlainLines

from .commands import as_a_user

URL = "rtsp://viewer:s3cret@camera/1?token=t0ken"


def broken_record() -> logging.LogRecord:
    """What a library's error, logged with its traceback, looks like."""
    try:
        raise ConnectionError(f"cannot open {URL}")
    except ConnectionError:
        record = logging.LogRecord("libav.rtsp", logging.ERROR, "x.py", 1, "lost %s", (URL,), sys.exc_info())
    record.source = "door"
    return record


@pytest.mark.parametrize("formatter", [PlainLines("%(message)s"), JsonLines("bench")])
def test_a_password_in_an_error_and_its_traceback_is_hidden(formatter: logging.Formatter) -> None:
    line = formatter.format(broken_record())

    assert "Traceback" in line
    assert line.count("rtsp://***@camera/1") == 2
    assert not {"s3cret", "viewer", "t0ken"} & set(line.replace("@", " ").replace(":", " ").replace("=", " ").split())
    assert "s3cret" not in line
    assert "t0ken" not in line


def test_a_json_line_says_when_who_and_about_what() -> None:
    line = JsonLines("bench").format(broken_record())

    values = json.loads(line)
    assert "\n" not in line
    assert {key: values[key] for key in ("level", "logger", "node", "source")} == {
        "level": "error", "logger": "libav.rtsp", "node": "bench", "source": "door"
    }  # fmt: skip
    assert values["message"] == "lost rtsp://***@camera/1?***"
    assert values["time"].endswith("Z")
    assert values["exception"].startswith("Traceback")


@pytest.mark.parametrize(
    "where", ["raise ValueError({url!r})", "threading.Thread(target=lambda: int({url!r})).start()"]
)
def test_an_uncaught_exception_is_a_line_of_the_log_too(where: str) -> None:
    program = "\n".join([
        "import threading",
        "from groundcast.launch.log_setup import log_as_json, log_to_stderr",
        "log_to_stderr(20)",
        "log_as_json('bench')",
        where.format(url=URL),
    ])  # fmt: skip
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    values = json.loads(ended.stderr)
    assert values["level"] == "critical"
    assert "ValueError" in values["exception"]
    assert "s3cret" not in ended.stderr


def test_a_node_whose_log_is_json_says_all_in_json(tmp_path: Path) -> None:
    source = tmp_path / "nowhere.mp4"
    flags = ("--node", "bench", "--log-format", "json")

    ended = as_a_user("run", "--source", source, "--prompt", "mug", *flags)
    worse = as_a_user("run", tmp_path / "nowhere.yaml", *flags)

    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert (ended.code, ended.out) == (2, "")
    assert lines[-1]["node"] == "bench"
    assert "nowhere.mp4" in lines[-1]["message"]
    assert "nowhere.yaml" in json.loads(worse.err)["message"]
