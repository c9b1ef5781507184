"""A client's socket, where it concerns the whole process."""

from __future__ import annotations

import pytest
import zmq

from groundcast.stream.sockets.client_socket import ClientSocket
from groundcast.stream.sockets.connect import ConnectError

from ..exhaustion import no_descriptors_left


def test_a_client_without_free_descriptors_says_so_instead_of_aborting() -> None:
    with no_descriptors_left(), pytest.raises(ConnectError, match="no file descriptor is left"):
        ClientSocket(zmq.SUB, {}, "tcp://127.0.0.1:9")
