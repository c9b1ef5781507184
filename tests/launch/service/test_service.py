"""A node as a service: a real process with health pages and a service manager, told by signals what to do."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from ...stream.rtsp_server import Behaviour, RtspServer, encode_clip, free_port

ROOT = Path(__file__).parents[3]
CAMERA = "lavfi:testsrc=size=160x120:rate=25"
WAIT_S = 60.0


class NodeService:
    """Runs a node from `file` as systemd would, and hears what it says."""

    def __init__(
        self,
        folder: Path,
        sources: dict[str, str],
        prompt: str = "red blob",
        program: str = "tests.launch.blob_node",
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.file = folder / "node.yaml"
        self.write(sources, prompt)
        self._log = folder / "log"
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(folder / "notify"))
        self._words: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.url = f"http://127.0.0.1:{free_port()}"
        flags = ["--quiet", "--log-format", "json", "--health", self.url.removeprefix("http://")]
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"}
        command = [sys.executable, "-m", program, "run", str(self.file), *flags]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=stdin, stderr=log)

    def write(self, sources: dict[str, str], prompt: str = "red blob") -> None:
        listed = [{"name": name, "url": url} for name, url in sources.items()]
        publish = {"address": f"ipc://{self.file.parent}/socket"}
        node = f"test-{os.getpid()}"
        self.file.write_text(json.dumps({"node": node, "prompt": prompt, "publish": publish, "sources": listed}))

    def hear(self, word: str) -> None:
        """Wait until the service manager is told this."""
        until(lambda: self._words.get(timeout=WAIT_S) == word)

    def forget_words(self) -> None:
        while not self._words.empty():
            self._words.get()

    def heard_nothing(self) -> bool:
        return self._words.empty()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # closed, at the end
            while heard := self._heard.recv(1000):
                self._words.put(heard.decode().split("\n")[0])

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def is_ready(self) -> bool:
        return self.page("/readyz")[0] == 200

    def figure(self, name: str, source: str) -> float:
        lines = [line.split() for line in self.page("/metrics")[1].splitlines()]
        return next((float(line[1]) for line in lines if line[0] == f'groundcast_{name}{{source="{source}"}}'), -1.0)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def said(self, words: str) -> bool:
        return any(words in line["message"] for line in self.log())

    def end_s(self) -> float:
        """Ask for the end; how long that takes."""
        began_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(WAIT_S)
        return time.monotonic() - began_s

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._heard.shutdown(socket.SHUT_RDWR)
        self._heard.close()


def until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s, "it never was so"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., NodeService]]:
    services: list[NodeService] = []

    def begin(sources: dict[str, str], **options: Any) -> NodeService:
        services.append(NodeService(tmp_path, sources, **options))
        return services[-1]

    yield begin
    for service in services:
        service.close()


def test_a_service_tells_how_it_is_and_does_what_signals_say(start: Callable[..., NodeService]) -> None:
    service = start({"door": CAMERA})
    service.hear("READY=1")
    service.hear("WATCHDOG=1")
    until(service.is_ready)
    assert service.page("/healthz")[0] == 200
    until(lambda: service.figure("source_messages_total", "door") > 5)
    assert any(line.get("source") == "door" and line["message"] == "source door: running" for line in service.log())

    service.write({"desk": CAMERA}, prompt="green blob")
    service.process.send_signal(signal.SIGHUP)
    service.hear("RELOADING=1")
    service.hear("READY=1")
    until(lambda: service.figure("source_messages_total", "desk") > 0)
    assert service.figure("source_messages_total", "door") == -1

    service.file.write_text("sources: [")
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.said("nothing was changed: "))
    assert service.is_ready()

    service.end_s()
    assert service.process.returncode == 0
    service.hear("STOPPING=1")
    assert service.log()[-1]["message"].startswith("desk: ")


def test_a_silent_camera_and_one_that_says_nothing_at_all_hold_no_end_up(start: Callable[..., NodeService]) -> None:
    clip = encode_clip()
    with (
        RtspServer(clip, behaviour=Behaviour(silent=True)) as silent,
        RtspServer(clip, behaviour=Behaviour(mute=True)) as mute,
    ):
        service = start({"silent": silent.url, "mute": mute.url, "busy": CAMERA})
        service.hear("READY=1")
        until(lambda: service.figure("source_messages_total", "busy") > 5 and silent.sessions > 0)

        service.end_s()
        assert service.process.returncode == 0


@pytest.mark.slow
def test_a_node_that_hangs_is_found_out(start: Callable[..., NodeService]) -> None:
    service = start({"door": CAMERA}, program="tests.launch.hanging_node")
    service.hear("WATCHDOG=1")
    until(service.is_ready)

    until(lambda: service.page("/healthz")[0] == 503)

    assert "the loop has not turned for" in service.page("/readyz")[1]
    assert 'groundcast_source_state{source="door",state="running"} 1.0' in service.page("/metrics")[1]
    time.sleep(0.5)  # a sign of life may be on its way
    service.forget_words()
    time.sleep(0.5)
    assert service.heard_nothing()


@pytest.mark.slow
def test_a_node_with_a_model_ends_within_two_seconds(start: Callable[..., NodeService]) -> None:
    with RtspServer(encode_clip(), behaviour=Behaviour(silent=True)) as silent:
        sources = {"silent": silent.url, "busy": CAMERA}
        service = start(sources, prompt="red ball", program="groundcast.launch.cli")
        service.hear("READY=1")
        until(lambda: service.figure("source_messages_total", "busy") > 5)

        assert service.end_s() < 2.0
        assert service.process.returncode == 0


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_the_node_that_runs_in_it(start: Callable[..., NodeService]) -> None:
    keyboard, terminal = pty.openpty()
    service = start({"door": CAMERA}, stdin=terminal)
    service.hear("READY=1")
    service.process.send_signal(signal.SIGHUP)
    service.hear("READY=1")

    os.close(terminal)
    os.close(keyboard)
    service.process.send_signal(signal.SIGHUP)  # as the system does to what runs in a terminal

    assert service.process.wait(WAIT_S) == 0
