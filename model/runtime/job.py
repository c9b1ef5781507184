"""Job: the work of one ticket, launched on the device and read once the results arrive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from .network import Network
from .network_output import Launched, NetworkOutput, Pack
from .ticket import DetectionTicket, Found


@dataclass(frozen=True, slots=True)
class Job(Generic[Found]):
    """A ticket, what is copied to the host for it (`pack`), and how its result is read from that."""

    ticket: DetectionTicket[Found]
    pack: Pack
    read: Callable[[NetworkOutput], Found]

    def launch(self, network: Network) -> Launched | None:
        """The launched results; None if the ticket was cancelled or has failed already."""
        if not self.ticket.begin():
            return None
        try:
            return network.launch(self.ticket.queries, self.pack)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: the ticket's caller gets the error
            self.ticket.finish(error=error)
            return None

    def collect(self, launched: Launched) -> None:
        """Wait for the results and finish the ticket."""
        try:
            result = [self.read(output) for output in launched.wait()]
        except Exception as error:  # noqa: BLE001 - as above
            self.ticket.finish(error=error)
        else:
            self.ticket.finish(result)
