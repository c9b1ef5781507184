"""What lies free between blocks in use goes back to the system."""

from __future__ import annotations

from pathlib import Path

from groundcast.launch.service.malloc import tidy_heap

from ...waiting import eventually

BLOCKS, BLOCK_BYTES = 20_000, 5_000


def test_memory_between_blocks_in_use_is_given_back() -> None:
    blocks = [bytes(BLOCK_BYTES) for _ in range(BLOCKS)]
    kept = blocks[::20]
    full_mb = resident_mb()
    with tidy_heap(every_s=0.05):
        del blocks
        assert eventually(lambda: resident_mb() < full_mb - 0.5 * BLOCKS * BLOCK_BYTES / 1e6)
    assert len(kept) == BLOCKS // 20


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon:")).split()[1]) * 1024 / 1e6
