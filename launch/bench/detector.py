"""The detector as a node uses it: from an 8-bit picture in the host's memory to boxes there."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ...model.config import Precision
from ...model.detections import Detections
from ...model.detector import Detector, DetectorOptions
from ...model.image import Image
from ...model.prompt import Prompt
from ...model.query import Query
from ...model.runtime.preprocess import MAX_LONG_SIDE, SHORT_SIDE
from ...model.runtime.ticket import DetectionTicket
from ...model.weights.checkpoint import find_checkpoint
from .oracle import full_size, save
from .overlap import trace_overlap

_BATCHES = (1, 2, 4, 8, 16)
_STREAM_S = 2.0
_TRACED = 40  # pictures
_UNTIMED = 4  # on a GPU the third of a kind becomes a graph
_FORMATS: dict[torch.dtype, Precision] = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


class DetectorRun:
    """A detector of these weights, and a picture as large as its input. Used as a context.

    Args:
        path: of the weights.
        device, dtype: to compute on and in.
        input_hw: of the network's input, px.
        prompt: what is asked.
    """

    def __init__(
        self, path: Path, device: torch.device, dtype: torch.dtype, input_hw: Sequence[int], prompt: Prompt
    ) -> None:
        height, width = input_hw
        options = DetectorOptions(device=str(device), size=short_side(input_hw), dtype=_FORMATS[dtype], offline=True)
        self.detector = Detector.load(str(path.parent if path.is_file() else path), options)
        pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8)
        self._image: Image = (pixels.pin_memory() if device.type == "cuda" else pixels).numpy()
        self._prompt = prompt
        self._is_batched = device.type == "cuda"

    def once(self) -> list[Detections]:
        """One picture; ends when its boxes are here."""
        return self.detector.detect([self._image], [self._prompt])

    def rates(self) -> dict[str, Any]:
        """Pictures a second in a stream, by how many go in together; on a CPU one at a time."""
        fps = {size: self.stream(size, _STREAM_S) for size in (_BATCHES if self._is_batched else _BATCHES[:1])}
        best = max(fps, key=lambda size: fps[size])
        return {"fps": fps[1], "best_batch": best, "best_batch_fps": fps[best], "fps_of_batch": fps}

    def stream(self, batch: int, seconds: float) -> float:
        """Pictures a second, with as many tickets in flight as keep the detector busy."""
        self._warm_up(batch)
        flight: deque[DetectionTicket[Detections]] = deque()
        for _ in range(self.detector.depth + 1):
            flight.append(self._submit(batch))
        flight.popleft().wait()
        began, finished = time.perf_counter(), 0
        while (taken_s := time.perf_counter() - began) < seconds or finished < 3:
            flight.append(self._submit(batch))
            flight.popleft().wait()
            finished += 1
        for ticket in flight:
            ticket.wait()
        return finished * batch / taken_s

    def frames(self, count: int) -> int:
        """So many pictures one after another, with as many in flight as keep the detector busy."""
        flight: deque[DetectionTicket[Detections]] = deque()
        for _ in range(count):
            flight.append(self._submit(1))
            if len(flight) > self.detector.depth:
                flight.popleft().wait()
        for ticket in flight:
            ticket.wait()
        return count

    def _warm_up(self, batch: int) -> None:
        for _ in range(_UNTIMED if self._is_batched else 0):
            self._submit(batch).wait()

    def _submit(self, batch: int) -> DetectionTicket[Detections]:
        return self.detector.submit([Query(self._image, self._prompt)] * batch)

    def __enter__(self) -> DetectorRun:
        self._warm_up(1)
        return self

    def __exit__(self, *_: object) -> None:
        self.detector.close()


def short_side(input_hw: Sequence[int]) -> int:
    """The detector's size option at which a picture as large as its input is not scaled; the long side counts too."""
    return max(min(input_hw), round(max(input_hw) * SHORT_SIDE / MAX_LONG_SIDE))


def overlap_of(device: torch.device) -> dict[str, Any]:
    """How much of the upload hides in a stream of pictures through Swin-T at 544x960, on a CUDA device."""
    with tempfile.TemporaryDirectory() as folder:
        path = find_checkpoint(str(save(full_size("swin-t", 0), Path(folder))))
        prompt = Prompt.parse("word0 . word1 . word2 . word3")
        with DetectorRun(path, device, torch.bfloat16, (544, 960), prompt) as through:
            through.stream(1, _STREAM_S)  # so that the trace shows a busy detector
            return asdict(trace_overlap(lambda: through.frames(_TRACED)))
