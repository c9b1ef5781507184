"""Pictures to a GPU and answers back while it computes: pinned memory, a stream for copies, events.

On a CPU nothing is copied, and everything is there at once.
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

_PIECE = 1 << 20  # buffers grow by whole MiB
_ALIGNED = 256  # where each array begins, bytes


class UploadRing:
    """Pinned buffers, each with its twin on the device, filled in turn. For one thread.

    While the device reads one, the next is filled and copied on a stream of its own. Buffers grow to the largest
    upload that was asked for, and stay.

    Args:
        device: where to.
        slots: buffers: one more than uploads are of use at once.
        asynchronous: None is on a GPU alone; otherwise arrays are passed through.
    """

    def __init__(self, device: torch.device, slots: int = 3, asynchronous: bool | None = None) -> None:
        self._device = device
        self._turn = 0
        is_asynchronous = device.type == "cuda" if asynchronous is None else asynchronous
        self._slots = [_Slot(device) for _ in range(slots)] if is_asynchronous else []
        self._copies = torch.cuda.Stream(device) if is_asynchronous else None

    @contextmanager
    def upload(self, arrays: Sequence[NDArray[np.uint8] | Tensor]) -> Generator[list[Tensor]]:
        """The uint8 arrays on the device, for what is launched on the current stream within the `with` block.

        Returns before they are there: the current stream waits, the host does not. What lies on the device already
        must have been written on its default stream; it is copied too, and held until that is done.
        """
        if self._copies is None:
            yield [_tensor(array) for array in arrays]
            return
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % len(self._slots)
        compute = torch.cuda.current_stream(self._device)
        if not slot.copied.query():  # until then the pinned bytes are being read
            slot.copied.synchronize()
        begins = _layout(arrays)
        there = [(at, one) for at, one in zip(begins, arrays, strict=False) if isinstance(one, Tensor) and one.is_cuda]
        if slot.grow(begins[-1]):
            slot.read.record(compute)  # what the allocator hands out may still be read by what was launched before
        for at, array in zip(begins, arrays, strict=False):
            if not (isinstance(array, Tensor) and array.is_cuda):
                _piece(slot.host, at, array).numpy()[...] = np.asarray(array)  # torch would share it among all cores
        with torch.cuda.stream(self._copies):
            self._copies.wait_event(slot.read)
            if len(there) < len(arrays):
                slot.twin[: begins[-1]].copy_(slot.host[: begins[-1]], non_blocking=True)
            if there:
                self._copies.wait_stream(torch.cuda.default_stream(self._device))
            for at, array in there:
                _piece(slot.twin, at, array).copy_(array, non_blocking=True)
            slot.copied.record(self._copies)
        slot.sources = [array for _, array in there]  # until they are known to be copied, at the slot's next turn
        compute.wait_event(slot.copied)
        try:
            yield [_piece(slot.twin, at, array) for at, array in zip(begins, arrays, strict=False)]
        finally:
            slot.read.record(compute)


class Download:
    """A tensor on its way to the host; begins at once, on the current stream. Any thread may wait for it.

    Args:
        result: what is brought; may be overwritten by what is launched later.
        asynchronous: as in `UploadRing`.
    """

    def __init__(self, result: Tensor, asynchronous: bool | None = None) -> None:
        self._host, self._arrived = result, None
        if result.is_cuda if asynchronous is None else asynchronous:
            self._host = torch.empty(result.shape, dtype=result.dtype, pin_memory=result.is_cuda)
            self._host.copy_(result, non_blocking=True)
            self._arrived = torch.cuda.Event(blocking=True)  # whoever waits lets other threads run
            self._arrived.record(torch.cuda.current_stream(result.device))  # another GPU than the thread's, perhaps

    def wait(self) -> Tensor:
        """The tensor on the host, as soon as it is there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._host


class _Slot:
    """A pinned buffer and its twin; `copied` when the first may be overwritten, `read` when the second may."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.host = torch.empty(0, dtype=torch.uint8)
        self.twin = torch.empty(0, dtype=torch.uint8, device=device)
        self.sources: list[Tensor] = []
        self.copied = torch.cuda.Event(blocking=True)
        self.read = torch.cuda.Event()

    def grow(self, size: int) -> bool:
        """True if it had to."""
        if size <= len(self.host):
            return False
        size = -(-size // _PIECE) * _PIECE
        host = torch.empty(size, dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        self.twin = torch.empty(size, dtype=torch.uint8, device=self._device)
        self.host = host  # only now: either may not fit
        return True


def _tensor(array: NDArray[np.uint8] | Tensor) -> Tensor:
    """Sharing the values, where they lie as PyTorch can have them."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"])) if isinstance(array, np.ndarray) else array


def _piece(buffer: Tensor, at: int, like: NDArray[np.uint8] | Tensor) -> Tensor:
    """The part of a buffer that holds such an array, its values one after another."""
    return buffer[at : at + math.prod(like.shape)].view(like.shape)


def _layout(arrays: Sequence[NDArray[np.uint8] | Tensor]) -> list[int]:
    """Where each array begins, and at last where they end."""
    begins = [0]
    for array in arrays:
        begins.append(-(-(begins[-1] + array.nbytes) // _ALIGNED) * _ALIGNED)
    return begins
