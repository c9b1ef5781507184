"""Name claim: keeps two nodes of one name from running at once, on one host or on one network."""

from __future__ import annotations

import socket
from types import TracebackType

from .discovery import Discovery, interfaces_of


class NameTakenError(OSError):
    """Another node of this name runs already; one sentence says where, and what to do."""


class NameClaim:
    """Holds a node's name until it is closed, or its process ends however it does.

    On this host the kernel keeps the name (an abstract socket, which no file outlives). On a network the node asks by
    multicast for at most half a second, and from then on answers others: only where clients beyond this host can reach
    its messages, and only where the network carries multicast. Any host on that network can pretend to run a node of
    this name, and so keep a node from starting; it cannot do more.

    Args:
        node: the name.
        address: where the node will publish.

    Raises:
        NameTakenError: the name is taken.
    """

    def __init__(self, node: str, address: str) -> None:
        self._lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._discovery: Discovery | None = None
        try:
            self._claim(node, address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the name. Twice does no harm."""
        if self._discovery is not None:
            self._discovery.close()
        self._lock.close()

    def __enter__(self) -> NameClaim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _claim(self, node: str, address: str) -> None:
        what_to_do = "stop it, or give this one another name"
        try:
            self._lock.bind(f"\0groundcast/node/{node}")
        except OSError as error:
            raise NameTakenError(f"a node called {node} runs on this host already: {what_to_do}") from error
        interfaces = interfaces_of(address)
        if not interfaces:
            return
        self._discovery = Discovery(node, interfaces)
        where = self._discovery.ask()
        if where is not None:
            raise NameTakenError(f"a node called {node} runs at {where} already: {what_to_do}")
