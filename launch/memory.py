"""Memory that this process uses, on the host and on a GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def resident_bytes() -> int:
    """The resident memory of the process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_text() -> str:
    """The resident memory as text; for a process that uses a GPU, the memory that torch has reserved there."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return f"{torch.cuda.memory_reserved() / 1e9:.1f} GB on the GPU"
    return f"{resident_bytes() / 1e9:.1f} GB"
