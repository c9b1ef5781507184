"""Roofline of the machine: its name, its peak rates of multiplying and copying, and how near a time comes to them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from .pairs import in_turns

_SIDE = {"cpu": 2048, "cuda": 8192}  # of the product that shows how fast the machine multiplies
_COPIED = {"cpu": 1 << 28, "cuda": 1 << 30}  # bytes
_RUNS = 7


@dataclass(frozen=True, slots=True)
class Roofline:
    """How long the work must take at least, and how near we come.

    Args:
        flops: of products and convolutions.
        bytes: that must be read or written at least once.
        flops_per_s, bytes_per_s: what a large product and a large copy reached in this run.
        floor_flops_s, floor_bytes_s: the work at these speeds.
        share: the larger of the two floors, as a part of the time that was measured.
    """

    flops: float
    bytes: float
    flops_per_s: float
    bytes_per_s: float
    floor_flops_s: float
    floor_bytes_s: float
    share: float


def roofline(flops: float, moved: float, taken_s: float, device: torch.device, dtype: torch.dtype) -> Roofline:
    """Of work that took `taken_s`; `moved` is in bytes."""
    speed, width = multiplies_per_s(device, dtype), copies_per_s(device)
    floors = flops / speed, moved / width
    return Roofline(flops, moved, speed, width, *floors, max(floors) / taken_s)


def hardware(device: torch.device) -> dict[str, Any]:
    """The hardware that figures were measured on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {
        "hardware": name,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def processor() -> str:
    """The CPU's name, how many of its cores are ours, and whether it multiplies in bfloat16."""
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return platform.processor()
    lines = [line.partition(":") for line in facts.read_text().splitlines()]
    names = [value.strip() for key, _, value in lines if key.strip() == "model name"]
    flags = next((value.split() for key, _, value in lines if key.strip() == "flags"), [])
    own = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags]
    return ", ".join([f"{len(names)} x {names[0] if names else platform.processor()}", *own])


def finish(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def count_flops(work: Callable[[], object]) -> int:
    """Of products and convolutions, packed ones too."""
    with FlopCounterMode(display=False, custom_mapping=_packed_products()) as counter:
        work()
    return counter.get_total_flops()


@cache
def multiplies_per_s(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations in a large product of matrices."""
    side = _SIDE[device.type]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / _least_s(lambda: a @ b, device)


@cache
def copies_per_s(device: torch.device) -> float:
    """Bytes read and written in a large copy."""
    source = torch.ones(_COPIED[device.type], dtype=torch.uint8, device=device)
    to = torch.empty_like(source)
    return 2 * len(source) / _least_s(lambda: to.copy_(source), device)


def _least_s(work: Callable[[], object], device: torch.device) -> float:
    def whole() -> None:
        work()
        finish(device)

    return min(in_turns({"work": whole}, _RUNS).times_s["work"])


def _packed_products() -> dict[Any, Any]:
    """How PyTorch's counter is to count the products that it does not know."""
    try:
        ops = torch.ops.mkldnn  # there is no public name
        return {ops._linear_pointwise: _product, ops._convolution_pointwise: _convolution}  # noqa: SLF001
    except AttributeError:
        return {}


def _product(x: Sequence[int], weight: Sequence[int], *_: object, **_known: object) -> int:
    rows = 1
    for side in x[:-1]:
        rows *= side
    return 2 * rows * weight[0] * weight[1]


def _convolution(
    x: Sequence[int], weight: Sequence[int], *_: object, out_shape: Sequence[int], **_known: object
) -> int:
    cells = out_shape[0] * out_shape[2] * out_shape[3]
    return 2 * cells * weight[0] * weight[1] * weight[2] * weight[3]
