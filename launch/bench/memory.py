"""`groundcast bench memory`: whether the detector's memory stays flat while pictures change their size."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ...model.detections import Detections
from ...model.detector import Detector, DetectorOptions
from ...model.prompt import Prompt
from ...model.query import Query
from ...model.runtime.ticket import DetectionTicket
from ..exits import say
from ..memory import resident_bytes
from .hardware import hardware

# height, width: portrait, landscape, odd, small and large.
_SIZES = ((480, 640), (720, 1280), (1080, 1920), (640, 480), (333, 517), (240, 320), (600, 600), (1200, 1600))
_WARM_UP = 0.25  # of the run, until every size was seen and the allocators have what they keep
_MAX_GROWTH = 0.05  # of the memory in use, from the end of the warm-up to the end
_MIN_GROWTH = 16 << 20  # bytes that are within what an allocator does of itself
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Growth:
    """A straight line through the figures after the warm-up.

    Args:
        begin_mib, end_mib: the line's ends.
        most_mib: the highest figure.
        flat: it grows by less than a twentieth, or less than 16 MiB.
    """

    begin_mib: float
    end_mib: float
    most_mib: float
    flat: bool


def bench_memory(
    frames: int, model: str, prompt: str, input_px: int | None, device: torch.device, sizes: Sequence[Any] = _SIZES
) -> dict[str, Any]:
    """The figures of `bench memory`."""
    images = [np.random.default_rng(row).integers(0, 256, (*size, 3), np.uint8) for row, size in enumerate(sizes)]
    asked, every = Prompt.parse(prompt), max(1, frames // 200)
    host: list[int] = []
    on_device: list[int] = []
    with Detector.load(model, DetectorOptions(device=str(device), size=input_px)) as detector:
        flight: deque[DetectionTicket[Detections]] = deque()
        for row in range(frames):
            # A size stays for some pictures, as it does when a camera is changed over.
            flight.append(detector.submit([Query(images[row // 5 % len(images)], asked)]))
            if len(flight) > detector.depth:
                flight.popleft().wait()
            if row % every == 0:
                host.append(resident_bytes())
                on_device.append(torch.cuda.memory_reserved(device) if device.type == "cuda" else 0)
        for ticket in flight:
            ticket.wait()
    growths = {"host": growth(host)} | ({"device": growth(on_device)} if device.type == "cuda" else {})
    for name, own in growths.items():
        say(
            f"{name}: {own.begin_mib:.0f} MiB after the warm-up, {own.end_mib:.0f} at the end of {frames} pictures, "
            f"{own.most_mib:.0f} at most; {'flat' if own.flat else 'NOT flat'}"
        )
    return {
        "bench": "memory",
        "frames": frames,
        "sizes": [list(size) for size in sizes],
        **hardware(device),
        "flat": all(own.flat for own in growths.values()),
        **{name: asdict(own) for name, own in growths.items()},
        "host_mib": [round(own / _MIB, 1) for own in host],
        "device_mib": [round(own / _MIB, 1) for own in on_device],
    }


def growth(taken_bytes: Sequence[int]) -> Growth:
    """Of figures that were taken at equal distances."""
    kept = np.array(taken_bytes[round(len(taken_bytes) * _WARM_UP) :], float)
    slope, first = np.polyfit(np.arange(len(kept)), kept, 1)
    last = first + slope * (len(kept) - 1)
    is_flat = bool(last - first < max(_MIN_GROWTH, _MAX_GROWTH * first))
    return Growth(float(first) / _MIB, float(last) / _MIB, float(kept.max()) / _MIB, is_flat)
