"""Kernel choice: whether Triton can run here, and the log of what 'auto' took."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import logging
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from sysconfig import get_path

from torch import Tensor

_log = logging.getLogger(__name__)


class KernelError(RuntimeError):
    """A kernel that was named cannot run here; the text says why."""


def triton_unavailable_reason(tensor: Tensor) -> str | None:
    """Why Triton cannot compute with this tensor here, or None."""
    if tensor.is_cuda:
        return _missing_for_triton()
    if tensor.device.type == "cpu" and _triton_interprets():
        return None
    return f"the tensors are on {tensor.device.type}, and it needs CUDA"


@cache
def log_choice(op: str, kernel: str, where: str, reason: str | None) -> None:
    """Log once which kernel 'auto' chose, and the reason if a faster one cannot run."""
    if reason is None:
        _log.info("%s on %s uses the %s kernel", op, where, kernel)
    else:
        _log.warning("%s on %s uses the %s kernel, which is slow: %s", op, where, kernel, reason)


def _triton_interprets() -> bool:
    """Whether Triton was imported in interpreter mode, which tests use on a CPU."""
    triton = sys.modules.get("triton")
    return triton is not None and bool(triton.knobs.runtime.interpret)


@cache
def _missing_for_triton() -> str | None:
    """What Triton needs and this machine lacks: it builds its kernel launchers with the system's C compiler."""
    if find_spec("triton") is None:
        return "triton is not installed"
    if which("gcc") is None and which("clang") is None:
        return "triton needs a C compiler: apt-get install gcc"
    if not (Path(get_path("include", "posix_prefix")) / "Python.h").is_file():
        return "triton needs Python's C headers: apt-get install python3-dev"
    return None


# As torch.compiler.assume_constant_result, which would import the compiler, at a cost of more than a second.
setattr(_missing_for_triton, "_dynamo_marked_constant", True)  # noqa: B010 - functions are not known to have it
