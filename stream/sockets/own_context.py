"""Own context: a ZeroMQ socket in a context of its own, opened only while file descriptors are free for it."""

from __future__ import annotations

import errno
import os

import zmq

from .descriptors import are_free

Context = zmq.Context[zmq.Socket[bytes]]


def open_socket(kind: zmq.SocketType, min_free: int) -> tuple[Context, zmq.Socket[bytes]]:
    """A context, and its first socket.

    libzmq starts the context with its first socket, which takes about 0.2 ms. It aborts the process if it then finds no
    free descriptor, so they are counted right before.

    Args:
        kind: such as zmq.SUB.
        min_free: descriptors that must be free. A context with one socket takes 6, ZAP and monitors as many again.

    Raises:
        OSError: fewer descriptors are free; `errno` is EMFILE.
    """
    context = Context()
    if not are_free(min_free):
        context.term()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return context, context.socket(kind)
