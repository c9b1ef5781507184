"""Requests that schemathesis makes up from the server's own OpenAPI: none fails the server, none makes it grow."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from .running_api import clip_frames, png

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("schemathesis") is None,
        reason="schemathesis is missing: pip install -c constraints.txt 'groundcast[fuzz]'",
    ),
]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
PNG = {"content-type": "image/png"}
MAX_GROWTH_BYTES = 300e6


@pytest.fixture
def server() -> Generator[tuple[str, int]]:
    """The URL of `groundcast serve` and the number of its process."""
    groundcast = str(Path(sys.executable).parent / "groundcast")
    command = (groundcast, "serve", "--address", "127.0.0.1:0", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["ready"]["url"], process.pid
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors


def test_no_request_that_the_description_allows_or_forbids_fails_the_server(
    server: tuple[str, int], tmp_path: Path
) -> None:
    url, pid = server
    _fuzz(url, tmp_path, 2)  # warm
    before = _resident_bytes(pid)

    _fuzz(url, tmp_path, 20)

    counted = httpx.get(f"{url}/metrics", timeout=60).text
    assert _resident_bytes(pid) - before < MAX_GROWTH_BYTES
    assert 'status="413"' in counted or 'status="422"' in counted
    assert 'status="500"' not in counted
    answer = httpx.post(f"{url}/v1/detect?prompt=red%20mug", content=png(clip_frames(1)[0]), headers=PNG, timeout=60)
    assert answer.status_code == 200


def _fuzz(url: str, folder: Path, examples: int) -> None:
    """Send requests to every path but /readyz, which answers 503 once a request has unloaded the model."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--exclude-path", "/readyz"]
    limits = [
        "--max-examples",
        str(examples),
        "--request-timeout",
        "60",
        "--seed",
        "1",
        "--generation-database",
        "none",
    ]
    options = ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--continue-on-failure", *limits]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, timeout=1200, check=False, cwd=folder)
    assert ended.returncode == 0, ended.stdout[-5000:]


def _resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024
