"""Thousands of connections without a key to a node with keys that has few file descriptors.

FLOOD_SECONDS=600 in the environment makes each flood last ten minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groundcast.stream.subscriber import Subscriber

from ..stream.key_folder import make_keys
from ..stream.rtsp_server import free_port
from .flooder import flood
from .processes import ROOT

pytestmark = pytest.mark.slow

CONNECTIONS = 2000
SECONDS = float(os.environ.get("FLOOD_SECONDS", "60"))
ALONE_S = 10.0
RATE_HZ = 20
NORMAL_WITHIN_S = 2.0


@pytest.mark.parametrize("flooded", ["publisher", "control"])
@pytest.mark.parametrize("descriptors", [160, 1024])
def test_a_flood_of_keyless_connections_costs_an_honest_reader_nothing(
    descriptors: int, flooded: str, tmp_path: Path
) -> None:
    keys = make_keys(tmp_path / "keys", "arm")
    ports = {"publisher": free_port(), "control": free_port()}
    address = f"tcp://127.0.0.1:{ports['publisher']}"
    with (
        Subscriber(address, keys=keys, newest_only=False, timeout_s=300) as honest,
        node(keys, ports, descriptors, tmp_path) as process,
    ):
        next(honest)
        alone_hz = rate_hz(honest, ALONE_S)
        with flood(ports[flooded], CONNECTIONS):
            ends_s, most, heard = time.monotonic() + SECONDS, 0, 0
            while time.monotonic() < ends_s:
                next(honest)
                heard += 1
                most = max(most, len(os.listdir(f"/proc/{process.pid}/fd")))  # noqa: PTH208  names alone
                assert process.poll() is None
        began_s = time.monotonic()
        with Subscriber(address, keys=keys, timeout_s=30) as late:
            next(late)
        normal_s = time.monotonic() - began_s
        print(
            f"{descriptors}, {flooded}: {heard} heard in {SECONDS:g} s ({alone_hz:.1f} Hz before), {honest.gaps} lost,"
            f" {most} descriptors, back in {normal_s:.2f} s"
        )
        next(honest)
        assert honest.gaps == 0
        assert heard >= 0.9 * alone_hz * SECONDS
        assert normal_s <= NORMAL_WITHIN_S


def rate_hz(subscriber: Subscriber, seconds: float) -> float:
    """Messages per second from now on."""
    ends_s, heard = time.monotonic() + seconds, 0
    while time.monotonic() < ends_s:
        next(subscriber)
        heard += 1
    return heard / seconds


@contextmanager
def node(keys: Path, ports: dict[str, int], descriptors: int, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """A node with a test picture, that may have so many descriptors."""
    settings = folder / "node.yaml"
    settings.write_text(
        f"node: flooded-{os.getpid()}\n"
        "prompt: red blob\n"
        f"publish: {{address: 'tcp://127.0.0.1:{ports['publisher']}', keys: {keys}}}\n"
        f"control: {{address: 'tcp://127.0.0.1:{ports['control']}'}}\n"
        f"sources: [{{name: cam, url: 'lavfi:testsrc=size=320x240:rate={RATE_HZ}'}}]\n"
    )
    limited = f"ulimit -n {descriptors} && exec {sys.executable} -m tests.launch.blob_node run {settings} --quiet"
    process = subprocess.Popen(["sh", "-c", limited], cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0
