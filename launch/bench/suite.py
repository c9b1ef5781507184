"""`groundcast bench all`: every benchmark in one run, as one JSON object."""

from __future__ import annotations

import json
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...model.runtime.device import named_device
from ...stream.options import Decoding
from ..exits import say, writing
from .detector import overlap_of
from .kernel import bench_kernel
from .memory import bench_memory
from .model import bench_model
from .node import bench_node
from .weights import PROMPT, random_node_model

_TABLETOP = "red cube . blue ball . green can . yellow ring"
_NODE_S = 8.0
_NODE_PX = 576  # of 1080p pictures: 540x960, whose long side is the limit


def bench_all(device: str, frames: int | None, out: Path | None) -> tuple[str, list[str]]:
    """The figures of `bench all` as JSON text, and the names of the parts that failed."""
    chosen, began_s = named_device(device), time.monotonic()
    results, whole = dict[str, Any](), "{}"
    if out is not None:
        with writing(out):
            out.write_text(whole)
    for name, part in _parts(chosen, frames).items():
        say(f"{name} ...")
        try:
            results[name] = part()
        except Exception as error:  # noqa: BLE001 - the other parts still run
            results[name] = {"failed": str(error)}
            say(f"{name} failed: {error}")
            traceback.print_exc()
        whole = json.dumps({"bench": "all", "seconds": time.monotonic() - began_s, **results})
        if out is not None:
            out.write_text(whole + "\n")  # a run that is cut short leaves what came before
    return whole, [name for name, result in results.items() if "failed" in result]


def _parts(device: torch.device, frames: int | None) -> dict[str, Callable[[], dict[str, Any]]]:
    def memory(count: int) -> dict[str, Any]:
        return bench_memory(frames or count, "tabletop", _TABLETOP, None, device)

    kernel, model = lambda: bench_kernel(7, device), lambda: bench_model("swin-t", None, 4, 7, device, 0)
    if device.type == "cpu":
        tabletop = {"name": "tabletop", "device": "cpu"}
        node = lambda: bench_node(1, _NODE_S, "1920x1080", tabletop, _TABLETOP, find=False)  # noqa: E731
        return {"kernel": kernel, "model": model, "node": node, "memory": lambda: memory(400)}
    return {
        "kernel": kernel,
        "model": model,
        "overlap": lambda: overlap_of(device),
        "node": lambda: _full_node(str(device)),
        "memory": lambda: memory(10_000),
        "node, decoded on the GPU": lambda: _full_node(str(device), 32, find=False, decode="cuda"),
    }


def _full_node(device: str, cameras: int = 16, *, find: bool = True, decode: Decoding = "cpu") -> dict[str, Any]:
    """The most 1080p cameras that Swin-T handles within the limit, or its figures with `cameras`."""
    with tempfile.TemporaryDirectory() as folder:
        model = random_node_model("swin-t", Path(folder), device, _NODE_PX)
        return bench_node(cameras, _NODE_S, "1920x1080", model, PROMPT, find=find, decode=decode)
