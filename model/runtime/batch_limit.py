"""Batch limit: how many rows go through the network at once. It is halved when memory runs out."""

from __future__ import annotations

import logging

import torch

_log = logging.getLogger(__name__)


class BatchLimit:
    """Maximum rows (a picture with one caption) of a pass. Several threads may shrink it.

    Args:
        rows: the initial limit.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def shrink(self, error: BaseException, tried: int) -> None:
        """Halve the limit after `tried` rows did not fit.

        Raises:
            the error itself, if it has another cause or the batch cannot be split further.
        """
        if not is_out_of_memory(error) or tried <= 1:
            raise error
        self.rows = min(self.rows, tried // 2)
        _log.warning("out of memory with %d pictures at once: at most %d from now on", tried, self.rows)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether GPU or host memory ran out. PyTorch's host allocator has no error class of its own."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
