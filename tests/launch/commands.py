"""Runs groundcast commands for tests: in this process where that is enough, as a user would where it matters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.launch import command_line
from groundcast.model.detections import Detections
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query

from ..stream.blob_detector import BlobDetector


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What was said on standard error, which must be one line and no traceback."""
        said = [line for line in self.err.splitlines() if line.startswith("groundcast: ")]
        assert len(said) == 1, self.err
        assert "Traceback" not in self.err
        return said[0].removeprefix("groundcast: ")


def in_process(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ended:
    """A command line run in this process."""
    code = command_line.run(_named(arguments))
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)


def as_a_user(*arguments: str | Path, cwd: Path | None = None) -> Ended:
    """The installed command in a process of its own."""
    command = [str(Path(sys.executable).parent / "groundcast"), *_named(arguments)]
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _named(arguments: Sequence[str | Path]) -> list[str]:
    """A command line whose node bears a name that no other process gives to one."""
    words = [str(argument) for argument in arguments]
    needs_name = words[:1] == ["run"] and "--node" not in words
    return [*words, "--node", f"test-{os.getpid()}"] if needs_name else words


class BlobModel(BlobDetector):
    """The plain colour detector in the place of a model."""

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]:
        return self.submit([Query(*query) for query in zip(images, prompts, strict=True)]).wait()

    def __enter__(self) -> BlobModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
