"""Memory files: bytes that are read by a path, and gone after the block."""

from __future__ import annotations

import pytest

from groundcast.model.pictures.memory_file import memory_file


def test_the_bytes_are_read_by_path_more_than_once() -> None:
    with memory_file(b"a picture") as path:
        assert path.read_bytes() == b"a picture"
        assert path.read_bytes() == b"a picture"


def test_the_file_is_gone_after_the_block_even_when_it_fails() -> None:
    with pytest.raises(ValueError, match="no picture"), memory_file(b"text") as path:
        raise ValueError("no picture")
    assert not path.exists()
