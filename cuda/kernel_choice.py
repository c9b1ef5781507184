# pyright: reportUnknownMemberType=false
"""What the doors ask before they choose a kernel."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor


class KernelError(RuntimeError):
    """A kernel that was named cannot run here; the text says why."""


def why_not_triton(tensor: Tensor) -> str | None:
    """Why Triton cannot compute with this tensor here, or None."""
    if not tensor.is_cuda and not (tensor.device.type == "cpu" and _triton_interprets()):
        return f"the tensors are on {tensor.device.type}, and it needs CUDA"
    return None if _has_triton() else "triton is not installed"


def _triton_interprets() -> bool:
    """Whether Triton was imported already, as an interpreter: on a CPU that is for tests alone."""
    triton = sys.modules.get("triton")
    return triton is not None and bool(triton.knobs.runtime.interpret)


@torch.compiler.assume_constant_result
@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None
