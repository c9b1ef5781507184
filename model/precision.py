# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Which number format the network computes in, and what stays in fp32 whatever it is."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from .heads import BoxHead
from .text_encoder import TextEncoder

Precision = Literal["auto", "float32", "bfloat16", "float16"]

# Boxes lose whole pixels in half precision; words are read once for many pictures.
_EXACT = (BoxHead, TextEncoder)


class PrecisionError(ValueError):
    """The number format that was named cannot be used on this device; the text says why."""


def number_format(precision: Precision, device: torch.device) -> torch.dtype:
    """What to compute in. 'auto' takes bfloat16 where the processor multiplies in it, and float32 elsewhere.

    Raises:
        PrecisionError: float16 on a CPU, where sums overflow and nothing is gained.
    """
    if precision == "float16" and device.type == "cpu":
        raise PrecisionError("dtype float16 runs on GPUs alone: write bfloat16 or float32, or 'auto'")
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    if device.type == "cpu":
        is_fast = _multiplies_bfloat16()
    else:
        is_fast = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if is_fast else torch.float32


def convert(model: nn.Module, dtype: torch.dtype) -> None:
    """Store weights in another format, in place, but those that stay exact."""
    kept = {id(part) for exact in model.modules() if isinstance(exact, _EXACT) for part in exact.modules()}
    for part in model.modules():
        if id(part) in kept:
            continue
        for weight in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)


def _multiplies_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
