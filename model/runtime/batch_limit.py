"""How much goes through the network at once: less when memory runs out."""

from __future__ import annotations

import logging

import torch

_log = logging.getLogger(__name__)


class BatchLimit:
    """Rows (a picture and a caption about it) in one pass. Several threads may shrink it.

    Args:
        rows: at first.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def shrink(self, error: BaseException, tried: int) -> None:
        """After `tried` rows did not fit: half of them from now on.

        Raises:
            the error, if it was not memory that ran out, or there is nothing left to part.
        """
        if not is_out_of_memory(error) or tried <= 1:
            raise error
        self.rows = min(self.rows, tried // 2)
        _log.warning("out of memory with %d pictures at once: at most %d from now on", tried, self.rows)


def is_out_of_memory(error: BaseException) -> bool:
    """Of the GPU, or of the host: PyTorch's allocator there has no error class of its own."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
