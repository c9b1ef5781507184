"""Binding, where it concerns the whole process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from groundcast.stream.sockets.bound_socket import BindDescriptorError, BoundSocket

from ..exhaustion import no_descriptors_left


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o022)
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield 0o022
    sys.setswitchinterval(switch_s)
    os.umask(before)


def test_threads_that_bind_at_once_leave_the_rights_of_new_files_as_they_were(tmp_path: Path, umask: int) -> None:
    bound: list[BoundSocket] = []

    def bind(number: int) -> None:
        bound.append(BoundSocket(zmq.PULL, {}, f"ipc://{tmp_path}/{number}", "push"))

    threads = [threading.Thread(target=bind, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bound) == len(threads)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    for one in bound:
        one.close()
    assert list(tmp_path.iterdir()) == []
    assert os.umask(umask) == umask


def test_a_node_without_free_descriptors_says_so_instead_of_aborting() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with no_descriptors_left(), pytest.raises(BindDescriptorError, match="no file descriptor is left"):
        BoundSocket(zmq.PULL, {}, "tcp://127.0.0.1:*", "push")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
