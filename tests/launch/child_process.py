"""A command in a process of its own for as long as a test needs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..waiting import eventually

_ROOT = Path(__file__).parent.parent.parent


@contextmanager
def child_process(command: Sequence[str], errors: Path) -> Generator[subprocess.Popen[str]]:
    """Run a command in the repository's root until the block is left; what it says on standard error goes to a file."""
    with (
        errors.open("w") as said,
        subprocess.Popen(
            command,
            cwd=_ROOT,
            env=os.environ.copy(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            if not eventually(lambda: process.poll() is not None, 20.0):
                process.kill()
