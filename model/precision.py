# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Which number format the network computes in, and what stays in fp32 whatever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import nn

from .heads import BoxHead
from .text_encoder import TextEncoder

Precision = Literal["auto", "float32", "bfloat16", "float16"]

# Boxes lose whole pixels in half precision; words are read once for many pictures.
_EXACT = (BoxHead, TextEncoder)
_CPU_FACTS = Path("/proc/cpuinfo")


class PrecisionError(ValueError):
    """The number format that was named cannot be used on this device; the text says why."""


def number_format(precision: Precision, device: torch.device, *, steady: bool = True) -> torch.dtype:
    """What to compute in. 'auto' takes bfloat16 for a steady model where the device multiplies in it, else float32.

    Args:
        steady: the model's answers move little with rounding. A small Edge body with ranked proposals is not: single
            scores move by 0.2.

    Raises:
        PrecisionError: float16 on a CPU, where sums overflow and nothing is gained.
    """
    if precision == "float16" and device.type == "cpu":
        raise PrecisionError("dtype float16 runs on GPUs alone: write bfloat16 or float32, or 'auto'")
    if precision == "auto":
        return torch.bfloat16 if steady and _multiplies_in_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]


def _multiplies_in_bfloat16(device: torch.device) -> bool:
    """Of a CPU, whether it says so itself: AVX-512 BF16 or AMX. Torch names no public way to ask."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        lines = _CPU_FACTS.read_text().splitlines()
    except OSError:  # not Linux
        return False
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def convert(model: nn.Module, dtype: torch.dtype) -> None:
    """Store weights in another format, in place, but those that stay exact."""
    kept = {id(part) for exact in model.modules() if isinstance(exact, _EXACT) for part in exact.modules()}
    for part in model.modules():
        if id(part) in kept:
            continue
        for weight in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)
