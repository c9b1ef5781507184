"""`groundcast` with a detector that takes ten pictures, and then blocks the thread that gives it one more."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from groundcast.launch import cli
from groundcast.launch.node import node
from groundcast.model.query import Query

from ..stream.blob_detector import BlobTicket
from .commands import BlobModel


class HangingModel(BlobModel):
    """Hangs in the loop's own thread, as a driver may."""

    def submit(self, queries: Sequence[Query], on_done: Callable[[], None] | None = None) -> BlobTicket:
        if self.asked > 10:
            time.sleep(600)
        return super().submit(queries, on_done)


if __name__ == "__main__":
    node.load_detector = lambda model: HangingModel()  # type: ignore[assignment]
    cli.main()
