"""A node, its page and a browser, started once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .live_page import LiveNode, live_node, make_counting_clip, node_settings, page_process


@pytest.fixture(scope="session")
def counting_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_counting_clip(tmp_path_factory.mktemp("counting") / "clip.mp4")


@pytest.fixture(scope="session")
def node(counting_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveNode]:
    """A node with two sources that show the clip for ever."""
    settings = node_settings(counting_clip, name=f"page-{os.getpid()}", sources=("left", "right"))
    with live_node(tmp_path_factory.mktemp("node"), settings) as one:
        yield one


@pytest.fixture(scope="session")
def page(node: LiveNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of its page."""
    with page_process(tmp_path_factory.mktemp("page"), node.ready["address"]) as url:
        yield url
