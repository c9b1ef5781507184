"""Batch limit: halved when memory runs out, and every other error raised."""

from __future__ import annotations

import pytest
import torch

from groundcast.model.runtime.batch_limit import BatchLimit, is_out_of_memory


def test_the_limit_is_half_of_what_did_not_fit() -> None:
    limit = BatchLimit(16)
    limit.shrink(torch.OutOfMemoryError(), 12)
    assert limit.rows == 6


def test_the_limit_never_grows() -> None:
    limit = BatchLimit(2)
    limit.shrink(MemoryError(), 16)
    assert limit.rows == 2


def test_one_row_that_does_not_fit_is_the_error_itself() -> None:
    with pytest.raises(MemoryError):
        BatchLimit(1).shrink(MemoryError(), 1)


def test_another_error_is_raised_and_changes_nothing() -> None:
    limit = BatchLimit(16)
    with pytest.raises(RuntimeError, match="shapes"):
        limit.shrink(RuntimeError("shapes do not match"), 16)
    assert limit.rows == 16


def test_the_allocator_of_the_host_is_known_by_its_name() -> None:
    error = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
