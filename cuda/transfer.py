"""Asynchronous transfers: pictures to a GPU and results back while it computes, with pinned memory and a copy stream.

On a CPU nothing is copied.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_GROWTH_BYTES = 1 << 20  # buffers grow by whole MiB
_ALIGNMENT_BYTES = 256  # where each array begins, bytes


class UploadRing:
    """A ring of pinned host buffers, each paired with a device buffer. For one thread.

    While the device reads one, the next is filled and copied on a separate stream. Buffers grow to the largest upload
    and never shrink.

    Args:
        device: the destination.
        slots: number of buffers: one more than the uploads in use at once.
        asynchronous: None is true on a GPU alone; if false, arrays are passed through.
    """

    def __init__(self, device: torch.device, slots: int = 3, asynchronous: bool | None = None) -> None:
        self._device = device
        self._next_slot = 0
        is_asynchronous = device.type == "cuda" if asynchronous is None else asynchronous
        self._slots = [_Slot(device) for _ in range(slots)] if is_asynchronous else []
        self._copies = torch.cuda.Stream(device) if is_asynchronous else None

    @contextmanager
    def upload(self, arrays: Sequence[NDArray[np.uint8] | Tensor]) -> Generator[list[Tensor]]:
        """The uint8 arrays on the device, for work launched on the current stream within the `with` block.

        Returns before the copies end: the current stream waits, the host does not. An array already on the device
        must have been written on its default stream; it is copied too, and kept alive until the copy is done.
        """
        if self._copies is None:
            yield [_tensor(array) for array in arrays]
            return
        slot = self._slots[self._next_slot]
        self._next_slot = (self._next_slot + 1) % len(self._slots)
        compute = torch.cuda.current_stream(self._device)
        if not slot.host_copied.query():  # until then the pinned bytes are being read
            slot.host_copied.synchronize()
        offsets = _layout(arrays)
        on_device = [
            (offset, one)
            for offset, one in zip(offsets, arrays, strict=False)
            if isinstance(one, Tensor) and one.is_cuda
        ]
        if slot.grow(offsets[-1]):
            slot.device_read.record(compute)  # the new memory may still be read by earlier work
        for offset, array in zip(offsets, arrays, strict=False):
            if not (isinstance(array, Tensor) and array.is_cuda):
                _view_at(slot.host_buffer, offset, array).numpy()[...] = np.asarray(array)  # torch would use all cores
        with torch.cuda.stream(self._copies):
            self._copies.wait_event(slot.device_read)
            if len(on_device) < len(arrays):
                slot.device_buffer[: offsets[-1]].copy_(slot.host_buffer[: offsets[-1]], non_blocking=True)
            if on_device:
                self._copies.wait_stream(torch.cuda.default_stream(self._device))
            for offset, array in on_device:
                _view_at(slot.device_buffer, offset, array).copy_(array, non_blocking=True)
            slot.host_copied.record(self._copies)
        slot.sources = [array for _, array in on_device]  # kept alive until the slot's next use
        compute.wait_event(slot.host_copied)
        try:
            yield [_view_at(slot.device_buffer, offset, array) for offset, array in zip(offsets, arrays, strict=False)]
        finally:
            slot.device_read.record(compute)


class Download:
    """A copy of a tensor to the host. It starts at once on the current stream; any thread may wait for it.

    Args:
        result: the tensor; later launches may overwrite it.
        asynchronous: as in `UploadRing`.
    """

    def __init__(self, result: Tensor, asynchronous: bool | None = None) -> None:
        self._host, self._copied_event = result, None
        if result.is_cuda if asynchronous is None else asynchronous:
            self._host = torch.empty(result.shape, dtype=result.dtype, pin_memory=result.is_cuda)
            self._host.copy_(result, non_blocking=True)
            self._copied_event = torch.cuda.Event(blocking=True)  # a waiting thread lets other threads run
            self._copied_event.record(torch.cuda.current_stream(result.device))  # may be another GPU than the thread's

    def wait(self) -> Tensor:
        """The tensor on the host, once the copy is done."""
        if self._copied_event is not None:
            self._copied_event.synchronize()
        return self._host


class _Slot:
    """A pinned buffer and its device buffer; each event says when that buffer may be overwritten."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.host_buffer = torch.empty(0, dtype=torch.uint8)
        self.device_buffer = torch.empty(0, dtype=torch.uint8, device=device)
        self.sources: list[Tensor] = []
        self.host_copied = torch.cuda.Event(blocking=True)
        self.device_read = torch.cuda.Event()

    def grow(self, size: int) -> bool:
        """Make both buffers hold at least `size` bytes; true if they were replaced."""
        if size <= len(self.host_buffer):
            return False
        size = -(-size // _GROWTH_BYTES) * _GROWTH_BYTES
        host_buffer = torch.empty(size, dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        self.device_buffer = torch.empty(size, dtype=torch.uint8, device=self._device)
        self.host_buffer = host_buffer  # set last: either allocation may fail
        return True


def _tensor(array: NDArray[np.uint8] | Tensor) -> Tensor:
    """A tensor that shares the array's memory if its layout allows, else a copy."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"])) if isinstance(array, np.ndarray) else array


def _view_at(buffer: Tensor, offset: int, like: NDArray[np.uint8] | Tensor) -> Tensor:
    """The part of a buffer that holds an array of that shape, contiguous."""
    return buffer[offset : offset + math.prod(like.shape)].view(like.shape)


def _layout(arrays: Sequence[NDArray[np.uint8] | Tensor]) -> list[int]:
    """The byte offset of each array, and last the total size."""
    offsets = [0]
    for array in arrays:
        offsets.append(-(-(offsets[-1] + array.nbytes) // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES)
    return offsets
