"""Binding, where it concerns the whole process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from groundcast.stream.sockets.bind import Binding, bind


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o022)
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield 0o022
    sys.setswitchinterval(switch_s)
    os.umask(before)


def test_threads_that_bind_at_once_leave_the_rights_of_new_files_as_they_were(tmp_path: Path, umask: int) -> None:
    with zmq.Context() as context:
        servers = [context.socket(zmq.PULL) for _ in range(64)]
        addresses = [f"ipc://{tmp_path}/{number}" for number in range(len(servers))]
        bindings: list[Binding] = []

        def keep(server: zmq.Socket[bytes], address: str) -> None:
            bindings.append(bind(server, address, insecure=False))

        threads = [threading.Thread(target=keep, args=pair) for pair in zip(servers, addresses, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        for server, binding in zip(servers, bindings, strict=True):
            binding.close()
            server.close(linger=0)
        assert list(tmp_path.iterdir()) == []
    assert os.umask(umask) == umask
