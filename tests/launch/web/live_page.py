"""A node with the plain colour detector and a page in front of it, each in its own process, and a clip that counts."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from ..child_process import child_process

FRAMES, RATE_HZ, WIDTH, HEIGHT = 64, 20, 320, 240
BITS, BIT_PX = 8, 16


def make_counting_clip(path: Path) -> Path:
    """A red square that goes right by 3 px a frame; at the bottom the frame's number, a white block for each bit."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", RATE_HZ, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            image[60:100, 20 + 3 * index : 60 + 3 * index] = (220, 30, 30)
            image[140:180, 200:240] = (30, 200, 30)
            for bit in range(BITS):
                shade = 255 if index >> bit & 1 else 0
                image[-BIT_PX:, bit * BIT_PX : (bit + 1) * BIT_PX] = shade
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


def node_settings(clip: Path, *, name: str, sources: tuple[str, ...] = ("left",), **more: Any) -> dict[str, Any]:
    """The settings of a node that shows the clip for ever."""
    return {
        "node": name,
        "prompt": "red blob",
        "publish": {"address": "tcp://127.0.0.1:*"},
        "defaults": {"pace": "realtime", "loop": True},
        "sources": [{"name": source, "url": str(clip)} for source in sources],
        **more,
    }


@dataclass
class LiveNode:
    """A node's process.

    Args:
        ready: what it said when it was ready: its addresses.
        process: itself.
    """

    ready: Mapping[str, Any]
    process: subprocess.Popen[str]


@contextmanager
def live_node(folder: Path, settings: Mapping[str, Any], *options: str) -> Generator[LiveNode]:
    """Run a node with the plain colour detector until the block is left."""
    file = folder / f"{settings['node']}.yaml"
    file.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "tests.launch.blob_node", "run", str(file), "--json", *options]
    with child_process(command, folder / "node.err") as process:
        yield LiveNode(_ready(process, folder / "node.err"), process)


@contextmanager
def page_process(folder: Path, *arguments: str | Path) -> Generator[str]:
    """Run `groundcast page` until the block is left; gives its URL."""
    groundcast = str(Path(sys.executable).parent / "groundcast")
    command = [groundcast, "page", *map(str, arguments), "--listen", "127.0.0.1:0", "--json"]
    with child_process(command, folder / "page.err") as process:
        yield _ready(process, folder / "page.err")["url"]
        process.terminate()
        assert process.wait(60) in (0, -15), (folder / "page.err").read_text()
    assert "Traceback" not in (folder / "page.err").read_text()


def _ready(process: subprocess.Popen[str], errors: Path) -> Mapping[str, Any]:
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first, errors.read_text()
    return json.loads(first)["ready"]
