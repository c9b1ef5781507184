"""Picture slots: shared memory in which a decoder process lays pictures, which the node looks at without a copy."""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from collections import deque

import numpy as np

from ...model.image import Rgb
from ..wire.push_message import MAX_PIXELS

SLOT_COUNT = 8
"""Pictures that the node looks at in place: one waits, a few are looked at, sent or drawn. Those beyond are copied."""

_CHANNELS = 3
_SLOT_BYTES = -(-MAX_PIXELS * _CHANNELS // mmap.PAGESIZE) * mmap.PAGESIZE
_ALL_BYTES = SLOT_COUNT * _SLOT_BYTES  # memory is taken only where pictures were laid


class PictureSlots:
    """The node's side. A slot is free again when the last array that looks at it is gone, whatever made it.

    One slot is always free: where arrays are kept, the next pictures are copied, as pictures of a thread take memory.

    The memory has no name, cannot be made smaller by the other side, and goes with the last array and the process.
    """

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("groundcast-pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.descriptor, _ALL_BYTES)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._memory: memoryview | None = memoryview(mmap.mmap(self.descriptor, _ALL_BYTES))
        except OSError:
            os.close(self.descriptor)
            raise
        self._free = deque(range(SLOT_COUNT))  # added to by any thread that lets the last array go
        self._in_use: dict[int, weakref.ref[Rgb]] = {}

    def acquire(self) -> int:
        """A slot for the other side to write to. For one thread, which has no other that no picture was taken from."""
        return self._free.popleft()

    def release(self, slot: int) -> None:
        """Take back a slot in which no picture was laid, or whose picture is of no use."""
        self._free.appendleft(slot)

    def picture(self, slot: int, height: int, width: int) -> Rgb:
        """The picture in a slot, (height, width, 3). The slot is released with it and all that was cut from it."""
        size = height * width * _CHANNELS
        assert 0 < size <= _SLOT_BYTES, "was checked"
        assert self._memory is not None, "the process runs"
        lent = np.frombuffer(self._memory, np.uint8, size, slot * _SLOT_BYTES)
        image = lent.reshape(height, width, _CHANNELS)
        assert image.base is lent, "all arrays that are cut from this one hold on to the first"
        free = self._free
        if not free:
            free.append(slot)
            return image.copy()
        self._in_use[slot] = weakref.ref(lent, lambda _: free.appendleft(slot))
        return image

    def close(self) -> None:
        """Give back the descriptor, once the other side has it."""
        os.close(self.descriptor)

    def end(self) -> None:
        """Let go of the memory, which is freed with the last array that looks at it."""
        self._memory = None


class SlotWriter:
    """The decoder process's side.

    Args:
        descriptor: of the memory; closed here.
    """

    def __init__(self, descriptor: int) -> None:
        self._memory = memoryview(mmap.mmap(descriptor, _ALL_BYTES))
        os.close(descriptor)

    def write(self, slot: int, image: Rgb) -> None:
        """Lay a picture into a slot, its rows without gaps."""
        begin = slot * _SLOT_BYTES
        room = self._memory[begin : begin + image.size]
        np.copyto(np.ndarray(image.shape, np.uint8, buffer=room), image)
