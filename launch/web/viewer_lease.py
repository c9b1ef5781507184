"""Viewer lease: what one viewer asks for beside the node's prompt, renewed for as long as the viewer is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...model.prompt import Phrase
from ...stream.controller import ControlError
from ...stream.node.node_api import Lease
from .node_control import NodeControl

_LEASE_S = 10.0
_RENEW_EVERY_S = 3.0


class ViewerLease:
    """Phrases of one viewer. The lease ends with `change` to none, and with the viewer's connection to the node.

    After a restart of the node a new lease is taken.

    Attributes:
        phrases: in force, as the viewer gave them.
        error: why the last renewal failed; None if it did not.

    Args:
        control: the viewer's own connection.
    """

    def __init__(self, control: NodeControl) -> None:
        self.phrases: tuple[Phrase, ...] = ()
        self.error: str | None = None
        self._control = control
        self._source: str | None = None
        self._id: str | None = None
        self._changing = asyncio.Lock()

    async def change(self, phrases: Sequence[Phrase], source: str | None = None) -> Lease | None:
        """Ask for these phrases instead of those before, in one step; for none to end the lease.

        Raises:
            ControlError: the node refuses. What was asked before stays in force.
        """
        async with self._changing:
            if not phrases:
                await self._release()
                return None
            lease = await self._take(tuple(phrases), source)
            self.phrases, self._source, self.error = tuple(phrases), source, None
            return lease

    async def renew(self) -> None:
        """Renew until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_EVERY_S)
            async with self._changing:
                if not self.phrases:
                    continue
                try:
                    await self._take(self.phrases, self._source)
                    self.error = None
                except ControlError as error:
                    self.error = str(error)

    async def _take(self, phrases: tuple[Phrase, ...], source: str | None) -> Lease:
        try:
            lease = await self._control.ask(lambda node: node.lease(phrases, _LEASE_S, source, self._id))
        except ControlError as error:
            if error.code != "unknown_lease":
                raise
            lease = await self._control.ask(lambda node: node.lease(phrases, _LEASE_S, source))
        self._id = lease.id
        return lease

    async def _release(self) -> None:
        lease, self._id, self.phrases, self.error = self._id, None, (), None
        if lease is not None:
            await self._control.ask(lambda node: node.release(lease))
