"""What the doors ask before they choose a kernel."""

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


def why_not_triton(tensor: Tensor) -> str | None:
    """Why Triton cannot compute with this tensor here, or None."""
    if tensor.is_cuda:
        return _what_triton_lacks()
    if tensor.device.type == "cpu" and _triton_interprets():
        return None
    return f"the tensors are on {tensor.device.type}, and it needs CUDA"


@cache
def log_choice(op: str, kernel: str, where: str, reason: str | None) -> None:
    """Say once what 'auto' has chosen, and why nothing faster."""
    if reason is None:
        _log.info("%s on %s uses the %s kernel", op, where, kernel)
    else:
        _log.warning("%s on %s uses the %s kernel, which is slow: %s", op, where, kernel, reason)


def _triton_interprets() -> bool:
    """Whether Triton was imported already, as an interpreter: on a CPU that is for tests alone."""
    triton = sys.modules.get("triton")
    return triton is not None and bool(triton.knobs.runtime.interpret)


@cache
def _what_triton_lacks() -> str | None:
    """Triton brings its own compiler for GPUs, and has what calls the kernels built by the machine's."""
    if find_spec("triton") is None:
        return "triton is not installed"
    if which("gcc") is None and which("clang") is None:
        return "triton needs a C compiler: apt-get install gcc"
    if not (Path(get_path("include", "posix_prefix")) / "Python.h").is_file():
        return "triton needs Python's C headers: apt-get install python3-dev"
    return None


# What torch.compiler.assume_constant_result does, too, but that imports the compiler, which takes more than a second.
setattr(_what_triton_lacks, "_dynamo_marked_constant", True)  # noqa: B010 - functions are not known to have it
