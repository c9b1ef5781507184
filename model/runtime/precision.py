"""Which number format the network computes in, and what stays in fp32 whatever it is."""

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

# Boxes lose whole pixels in half precision; words are read once for many pictures.
_EXACT = (BoxHead, TextEncoder)
_CPU_FACTS = Path("/proc/cpuinfo")
_MIN_GAIN = 1.2
_ROWS, _WIDE, _TURNS = 1024, 512, 5  # some 30 ms in all

_log = logging.getLogger(__name__)


class PrecisionError(ValueError):
    """The number format that was named cannot be used on this device; the text says why."""


def number_format(precision: Precision, device: torch.device, *, steady: bool = True) -> torch.dtype:
    """What to compute in. 'auto' takes bfloat16 for a steady model where the device is faster in it, else float32.

    Args:
        steady: the model's answers move little with rounding. A small Edge body with ranked proposals is not: single
            scores move by 0.2.

    Raises:
        PrecisionError: float16 on a CPU, where sums overflow and nothing is gained.
    """
    if precision == "float16" and device.type == "cpu":
        raise PrecisionError("dtype float16 runs on GPUs alone: write bfloat16 or float32, or 'auto'")
    if precision == "auto":
        faster = steady and multiplies_in_bfloat16(device) and (device.type == "cuda" or _gain() >= _MIN_GAIN)
        return torch.bfloat16 if faster else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]


def multiplies_in_bfloat16(device: torch.device) -> bool:
    """Of a CPU, whether it says so itself: AVX-512 BF16 or AMX. Torch names no public way to ask."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        lines = _CPU_FACTS.read_text().splitlines()
    except OSError:  # not Linux
        return False
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


@contextmanager
def exact_products(device: torch.device) -> Generator[None]:
    """On a GPU, float32 without TF32, which cuDNN would take for convolutions unasked."""
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
def _gain() -> float:
    """How many times as fast as in float32 this CPU multiplies a layer in bfloat16, measured once.

    On an AMD EPYC (Genoa) all of Swin-T takes 1.7 times as long in float32. An Intel Xeon (Sapphire Rapids) is meant to
    use AMX: in a virtual machine that hides it, bfloat16 takes nearly twice as long.
    """
    took_s: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    if not all(packs(dtype) for dtype in took_s):
        return 1.0
    drawn = torch.Generator().manual_seed(0)
    rows, weight = (torch.randn(count, _WIDE, generator=drawn) for count in (_ROWS, _WIDE))
    with torch.inference_mode():
        layers = {dtype: PackedLinear(weight.to(dtype), None) for dtype in took_s}
        for _ in range(_TURNS):
            for dtype, times_s in took_s.items():
                own, began_s = rows.to(dtype), time.perf_counter()
                layers[dtype](own)
                times_s.append(time.perf_counter() - began_s)
    gain = min(took_s[torch.float32]) / min(took_s[torch.bfloat16])
    _log.info("this CPU multiplies %.1f times as fast in bfloat16 as in float32", gain)
    return gain


def convert(model: nn.Module, dtype: torch.dtype) -> None:
    """Store weights in another format, in place, but those that stay exact."""
    kept = {id(part) for exact in model.modules() if isinstance(exact, _EXACT) for part in exact.modules()}
    for part in model.modules():
        if id(part) in kept:
            continue
        for weight in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)
