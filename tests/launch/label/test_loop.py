"""The example that closes the loop: label, correct, train, compare."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent.parent / "docs" / "examples" / "label_and_train.py"


@pytest.mark.bar
@pytest.mark.slow
def test_a_few_corrections_teach_new_words(tmp_path: Path) -> None:
    pytest.importorskip("mujoco")
    words = ("--pictures", "40", "--held-out", "20", "--corrected", "20", "--steps", "60")

    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "loop", *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["pictures"], figures["corrected"]) == (40, 20)
    assert figures["edits"] >= 20
    assert figures["AP_after"] > figures["AP_before"] + 0.05
