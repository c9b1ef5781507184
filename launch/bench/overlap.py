"""How much of the upload overlaps the computation of neighbouring frames, from a profiler's trace."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

_UPLOAD = "HtoD"
_WAITS = ("cudaStreamSynchronize", "cudaEventSynchronize", "cudaDeviceSynchronize")

Span = tuple[float, float]  # begin, end


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a trace of some frames shows.

    Args:
        frames: how many.
        upload_ms: of the uploads, all together.
        hidden: the part of that during which kernels ran.
        waits_per_frame: how often the host waited for the device.
    """

    frames: int
    upload_ms: float
    hidden: float
    waits_per_frame: float


def trace_overlap(work: Callable[[], int]) -> Overlap:
    """Profile `work`, which says how many frames it was, on a CUDA device."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        frames = work()
        torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        return read_overlap(json.loads(path.read_text())["traceEvents"], frames)


def read_overlap(events: Iterable[dict[str, Any]], frames: int) -> Overlap:
    """Of a trace in Chrome's format, whose times are in us."""
    uploads: list[Span] = []
    kernels: list[Span] = []
    waits = 0
    for event in events:
        name, kind = str(event.get("name", "")), event.get("cat")
        span = float(event.get("ts", 0.0)), float(event.get("ts", 0.0)) + float(event.get("dur", 0.0))
        if kind == "kernel":
            kernels.append(span)
        elif kind == "gpu_memcpy" and _UPLOAD in name:
            uploads.append(span)
        elif name in _WAITS:
            waits += 1
    busy = _joined(kernels)
    whole = sum(end - begin for begin, end in uploads)
    hidden = sum(_shared(upload, busy) for upload in uploads)
    return Overlap(frames, whole / 1e3, hidden / whole if whole else 0.0, waits / frames)


def _joined(spans: list[Span]) -> list[Span]:
    """Spans that touch are one."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((begin, end))
    return joined


def _shared(span: Span, others: list[Span]) -> float:
    return sum(max(0.0, min(span[1], end) - max(span[0], begin)) for begin, end in others)
