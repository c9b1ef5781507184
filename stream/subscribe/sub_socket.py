"""SUB socket: connects to a node and subscribes to the topics of its sources."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import zmq

from ..sockets.client_keys import Keys
from ..sockets.client_socket import ClientSocket
from ..sockets.connect import ConnectError
from ..sockets.key_files import KeyFileError
from ..wire.topics import (
    MessageError,
    TopicKind,
    check_name,
    detections_topic,
    event_topic,
    kind_prefix,
    mask_topic,
    node_prefix,
    picture_topic,
    status_topic,
)

_MAX_PART_BYTES = 32 * 2**20


class SubscriberError(ValueError):
    """An address, a name or an age that cannot be used; one sentence."""


def subscribe(address: str, topics: Sequence[bytes], max_queued: int, keys: Keys | None = None) -> ClientSocket:
    """A SUB socket that subscribes to `topics`, in their order.

    Args:
        address: where the node publishes.
        topics: prefixes of topics.
        max_queued: messages that ZeroMQ may keep for us. Beyond that the node drops the newest.
        keys: for a node that demands them.

    Raises:
        SubscriberError: not an address that can be connected to, or keys that cannot be used.
    """
    options: dict[zmq.SocketOption, int] = {zmq.RCVHWM: max_queued, zmq.MAXMSGSIZE: _MAX_PART_BYTES}
    try:
        return ClientSocket(zmq.SUB, options, address, keys, topics)
    except (ConnectError, KeyFileError) as error:
        raise SubscriberError(str(error)) from error


async def wait_readable(socket: zmq.Socket[bytes], wait_s: float) -> None:
    """Wait until a message may have arrived. The descriptor signals changes only, so poll the socket first."""
    if socket.poll(0):
        return
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    # Not `asyncio.wait_for`: before Python 3.12 it loses a cancellation that comes together with the message.
    descriptor, timer = socket.fileno(), loop.call_later(wait_s, end)
    loop.add_reader(descriptor, end)
    try:
        await over
    finally:
        timer.cancel()
        loop.remove_reader(descriptor)


def check_names(sources: Sequence[str] | None, node: str | None) -> tuple[str, ...] | None:
    """Return the sources' names if they, and the node's, can stand in a topic; None means all.

    Raises:
        SubscriberError: a bad name, or none at all.
    """
    names = (sources,) if isinstance(sources, str) else sources
    if names is not None and not names:
        raise SubscriberError("sources is empty: name at least one, or leave it out to have all")
    try:
        if node is not None:
            check_name(node)
        return None if names is None else tuple(check_name(name) for name in names)
    except MessageError as error:
        raise SubscriberError(str(error)) from error


def topics_of(kind: TopicKind, node: str | None, names: tuple[str, ...] | None) -> list[bytes]:
    """The topics of one kind of message. Without the node's name that is all of the kind."""
    if node is None:
        return [kind_prefix(kind)]
    if names is None:
        return [node_prefix(kind, node)]
    topics = {
        "det": detections_topic,
        "sys": status_topic,
        "img": picture_topic,
        "evt": event_topic,
        "mask": mask_topic,
    }
    return [topics[kind](node, name) for name in names]
