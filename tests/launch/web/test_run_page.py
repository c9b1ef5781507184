"""`run --page`: the page lives beside the node, ends with it, and cannot end it."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from ...waiting import eventually
from ..commands import in_process
from .live_page import LiveNode, live_node, node_settings
from .page_client import PageClient


def page_url(folder: Path) -> str:
    """Where the page of a node is, as its log says."""
    found: list[str] = []

    def is_said() -> bool:
        found[:] = re.findall(r"the page is at (\S+)", (folder / "node.err").read_text())
        return bool(found)

    assert eventually(is_said, 60.0), (folder / "node.err").read_text()
    return found[0]


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=5.0):
            return True
    except (URLError, ConnectionError):
        return False


def page_pid(node: LiveNode) -> int:
    children = Path(f"/proc/{node.process.pid}/task/{node.process.pid}/children").read_text().split()
    return next(int(pid) for pid in children if b"page" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))


def test_a_killed_page_leaves_the_node_alone(tmp_path: Path, counting_clip: Path) -> None:
    settings = node_settings(counting_clip, name=f"with-page-{os.getpid()}")
    with live_node(tmp_path, settings, "--page", "127.0.0.1:0") as node:
        with PageClient(page_url(tmp_path), "left") as viewer:
            assert viewer.frame().jpeg
            assert viewer.request("ask", text="green blob")["ok"]
        os.kill(page_pid(node), signal.SIGKILL)

        said = tmp_path / "node.err"
        assert eventually(lambda: "the page ended with code -9: the node goes on" in said.read_text())
        assert node.process.poll() is None


@pytest.mark.bar
@pytest.mark.slow
def test_a_page_ends_with_its_node_even_if_that_is_killed(tmp_path: Path, counting_clip: Path) -> None:
    settings = node_settings(counting_clip, name=f"killed-{os.getpid()}")
    with live_node(tmp_path, settings, "--page", "127.0.0.1:0") as node:
        url = page_url(tmp_path)
        assert answers(url)

        node.process.kill()

        assert eventually(lambda: not answers(url))


def test_what_the_page_needs_is_checked_before_the_model_is_loaded(
    capsys: pytest.CaptureFixture[str], counting_clip: Path
) -> None:
    source = ["--source", str(counting_clip), "--prompt", "red mug"]

    ended = in_process(capsys, "run", *source, "--page", "0.0.0.0:8080")

    assert ended.code == 2
    assert "can be reached by others" in ended.sentence


@pytest.mark.bar
@pytest.mark.slow
def test_a_busy_page_address_leaves_the_node_running(tmp_path: Path, counting_clip: Path) -> None:
    settings = node_settings(counting_clip, name=f"busy-{os.getpid()}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with live_node(tmp_path, settings, "--page", address) as node:
            said = tmp_path / "node.err"
            assert eventually(lambda: "the page ended with code 2" in said.read_text(), 60.0)
            assert f"web address {address} cannot be used" in said.read_text()
            assert node.process.poll() is None
