"""Memory file: bytes as a file that has a path and lies in memory alone."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def memory_file(data: bytes) -> Generator[Path]:
    """The path of a file that holds `data`, for readers that want a path. It is gone after the block."""
    memory = os.memfd_create("picture")
    try:
        with open(memory, "wb", closefd=False) as file:
            file.write(data)
        yield Path(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)
