"""What is read off a profiler's trace."""

from __future__ import annotations

from typing import Any

import pytest

from groundcast.launch.bench.overlap import read_overlap


def _event(kind: str, name: str, begin: float, length: float) -> dict[str, Any]:
    return {"cat": kind, "name": name, "ts": begin, "dur": length, "ph": "X"}


def test_what_runs_beside_any_kernel_is_hidden() -> None:
    events = [
        _event("kernel", "gemm", 100.0, 50.0),
        _event("kernel", "softmax", 140.0, 60.0),  # on another stream: counted once
        _event("kernel", "gemm", 220.0, 80.0),
        _event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 90.0, 20.0),  # half of it
        _event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 145.0, 40.0),  # all of it
        _event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 190.0, 40.0),  # but for the gap
        _event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 400.0, 500.0),
        _event("cuda_runtime", "cudaEventSynchronize", 0.0, 5.0),
        _event("cuda_runtime", "cudaLaunchKernel", 0.0, 5.0),
        {"name": "process_name", "ph": "M"},
    ]
    overlap = read_overlap(events, 2)
    assert overlap.upload_ms == pytest.approx(0.1)
    assert overlap.hidden == pytest.approx((10 + 40 + 20) / 100)
    assert overlap.waits_per_frame == 0.5


def test_nothing_uploaded_is_nothing_hidden() -> None:
    assert read_overlap([_event("kernel", "gemm", 0.0, 1.0)], 1).hidden == 0.0
