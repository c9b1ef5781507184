"""A recording that unfolds to far more than it weighs costs neither the memory nor the time."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import struct
import time
import tracemalloc
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from mcap.opcode import Opcode
from mcap.writer import MCAP0_MAGIC

from groundcast.stream.recording import mcap_reader
from groundcast.stream.recording.mcap_chunk import MAX_CHUNK_BYTES
from groundcast.stream.recording.mcap_reader import McapReader

TOPIC = b"det/1/bench/cam/"
BOMB = bytes(4 * MAX_CHUNK_BYTES)


def record(opcode: int, content: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(content)) + content


def chunk(compression: bytes, data: bytes, states: int, begin_ns: int = 0) -> bytes:
    head = struct.pack("<QQQII", begin_ns, begin_ns, states, 0, len(compression)) + compression
    return record(Opcode.CHUNK, head + struct.pack("<Q", len(data)) + data)


def messages(count: int, log_ns: int) -> bytes:
    channel = record(Opcode.CHANNEL, struct.pack("<HHI", 1, 0, len(TOPIC)) + TOPIC + bytes(8))
    one = record(Opcode.MESSAGE, struct.pack("<HIQQ", 1, 0, log_ns, 0) + b"\x80")
    return channel + one * count


def written(tmp_path: Path, *records: bytes) -> McapReader:
    path = tmp_path / "bomb.mcap"
    path.write_bytes(MCAP0_MAGIC + b"".join(records))
    return McapReader(path)


@pytest.mark.parametrize("states", [1000, MAX_CHUNK_BYTES, len(BOMB), 2**62])
def test_a_chunk_that_unfolds_beyond_the_limit_is_passed_over(tmp_path: Path, states: int) -> None:
    packed = (chunk(b"lz4", lz4.frame.compress(BOMB), states), chunk(b"zstd", zstandard.compress(BOMB), states))
    sound = messages(3, log_ns=5)
    reader = written(tmp_path, *packed, chunk(b"lz4", lz4.frame.compress(sound), len(sound)))
    tracemalloc.start()
    begin_s = time.thread_time()
    heard = len(list(reader))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (heard, reader.damaged) == (3, 2)
    assert peak < 2.5 * MAX_CHUNK_BYTES
    assert time.thread_time() - begin_s < 2.0


def test_zstd_that_does_not_state_its_size_is_read(tmp_path: Path) -> None:
    sound = messages(3, log_ns=5)
    data = zstandard.ZstdCompressor(write_content_size=False).compress(sound)
    assert len(list(written(tmp_path, chunk(b"zstd", data, len(sound))))) == 3


def test_messages_that_all_wait_for_earlier_ones_take_no_more_than_their_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcap_reader, "_MAX_WAITING_BYTES", 50_000)
    data = messages(1000, log_ns=10)
    chunks = [chunk(b"", data, len(data), begin_ns=0) for _ in range(5)]  # each could hold one that is earlier
    reader = iter(written(tmp_path, *chunks))
    tracemalloc.start()
    heard = sum(1 for _ in reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert heard == 5000
    assert peak < 1_000_000
