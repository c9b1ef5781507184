"""A node and `detect` need no transformers: it is what groundcast is compared with."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.launch.bench.oracle import save
from groundcast.model.tabletop.clip_truth import CLIP_PATH

from ..model.oracle import Sizes, oracle

PROGRAM = """
import json, sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "transformers":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled())
from groundcast.launch.command_line import run
codes = [run(arguments) for arguments in json.loads(sys.argv[1])]
print(codes)
"""


@pytest.mark.slow
def test_published_weights_tokenizers_and_a_node_work_without_transformers(tmp_path: Path) -> None:
    folder = save(oracle(Sizes()), tmp_path / "published")
    picture = tmp_path / "picture.png"
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    picture.write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    size = ["--device", "cpu", "--size", "64"]
    alone = ["--no-control", "--address", "tcp://127.0.0.1:*", "--node", f"alone-{tmp_path.name}"]
    commands = [
        ["detect", str(picture), "--model", str(folder), "--prompt", "word1 . word2 word3", *size, "--out", "found"],
        ["run", "--source", f"clip={CLIP_PATH}", "--prompt", "red mug", *size, *alone],
        ["bench", "parity"],
    ]

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines()[-1] == "[0, 0, 2]", done.stderr
    assert "transformers is missing, which training, evaluation and comparisons need: pip install" in done.stderr
