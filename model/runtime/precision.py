"""Precision: which number format the network computes in, and which modules always stay in fp32."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import nn

from ..config import Precision
from ..dino.heads import BoxHead
from ..dino.text_encoder import TextEncoder
from .prepacked import PackedLinear, packs

# Boxes err by whole pixels in half precision; text is encoded once for many pictures.
_FLOAT32_MODULES = (BoxHead, TextEncoder)
_CPU_INFO = Path("/proc/cpuinfo")
_MIN_SPEEDUP = 1.2
_ROWS, _WIDTH, _ROUNDS = 1024, 512, 5  # about 30 ms in all

_log = logging.getLogger(__name__)


class PrecisionError(ValueError):
    """The named number format cannot be used on this device; the text says why."""


def number_format(precision: Precision, device: torch.device, *, steady: bool = True) -> torch.dtype:
    """The dtype to compute in. 'auto' is bfloat16 for a steady model if the device is faster in it, else float32.

    Args:
        steady: rounding changes the model's results little. A small Edge body with ranked proposals is not steady:
            single scores move by 0.2.

    Raises:
        PrecisionError: float16 on a CPU, where sums overflow and nothing is faster.
    """
    if precision == "float16" and device.type == "cpu":
        raise PrecisionError("dtype float16 runs on GPUs alone: write bfloat16 or float32, or 'auto'")
    if precision == "auto":
        faster = (
            steady and multiplies_in_bfloat16(device) and (device.type == "cuda" or _bfloat16_speedup() >= _MIN_SPEEDUP)
        )
        return torch.bfloat16 if faster else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]


def multiplies_in_bfloat16(device: torch.device) -> bool:
    """Whether the device has bfloat16 products; on a CPU AVX-512 BF16 or AMX. torch has no public function for it."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        lines = _CPU_INFO.read_text().splitlines()
    except OSError:  # not Linux
        return False
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


@contextmanager
def exact_products(device: torch.device) -> Generator[None]:
    """On a GPU, float32 without TF32, which is cuDNN's default for convolutions."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@cache
def _bfloat16_speedup() -> float:
    """This CPU's speed of a bfloat16 product relative to float32, measured once.

    On an AMD EPYC (Genoa) all of Swin-T takes 1.7 times as long in float32. An Intel Xeon (Sapphire Rapids) needs AMX
    for it: in a virtual machine that hides AMX, bfloat16 takes nearly twice as long.
    """
    times_s: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    if not all(packs(dtype) for dtype in times_s):
        return 1.0
    generator = torch.Generator().manual_seed(0)
    rows, weight = (torch.randn(count, _WIDTH, generator=generator) for count in (_ROWS, _WIDTH))
    with torch.inference_mode():
        layers = {dtype: PackedLinear(weight.to(dtype), None) for dtype in times_s}
        for _ in range(_ROUNDS):
            for dtype, taken_s in times_s.items():
                converted, began_s = rows.to(dtype), time.perf_counter()
                layers[dtype](converted)
                taken_s.append(time.perf_counter() - began_s)
    speedup = min(times_s[torch.float32]) / min(times_s[torch.bfloat16])
    _log.info("this CPU multiplies %.1f times as fast in bfloat16 as in float32", speedup)
    return speedup


def convert(model: nn.Module, dtype: torch.dtype) -> None:
    """Convert the weights in place, except those of modules that stay in float32."""
    float32_modules = {
        id(part) for module in model.modules() if isinstance(module, _FLOAT32_MODULES) for part in module.modules()
    }
    for part in model.modules():
        if id(part) in float32_modules:
            continue
        for weight in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)
