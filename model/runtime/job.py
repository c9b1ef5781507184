"""One ticket's work: launched on the device, and read once the answers are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from .network import Network
from .network_output import Launched, NetworkOutput, Pack
from .ticket import DetectionTicket, Found


@dataclass(frozen=True, slots=True)
class Job(Generic[Found]):
    """A ticket, what of its answers is brought to the host, and how that is read."""

    ticket: DetectionTicket[Found]
    pack: Pack
    read: Callable[[NetworkOutput], Found]

    def launch(self, network: Network) -> Launched | None:
        """What is on its way; None if the ticket was cancelled, or has its error already."""
        if not self.ticket.begin():
            return None
        try:
            return network.launch(self.ticket.queries, self.pack)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: whoever waits gets the reason
            self.ticket.finish(error=error)
            return None

    def collect(self, launched: Launched) -> None:
        """Wait for the answers and finish the ticket."""
        try:
            result = [self.read(seen) for seen in launched.wait()]
        except Exception as error:  # noqa: BLE001 - as above
            self.ticket.finish(error=error)
        else:
            self.ticket.finish(result)
