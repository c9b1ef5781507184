"""Dispatcher: the queue of one model. Dynamic batching: what waits when a place is free is computed together.

Pictures wait here and not in the detector, so that a caller who hangs up costs nothing, and so that those of several
callers can share a batch. Nothing waits for others to come: a batch is what is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.detections import Detections
from ...model.query import Query
from .api_error import ApiError

if TYPE_CHECKING:
    from ...model.detector import Detector
    from ...model.runtime.postprocess import ReportRules
    from ...model.runtime.ticket import DetectionTicket


@dataclass(slots=True, eq=False)
class _WaitingPicture:
    query: Query
    rules: ReportRules
    answer: asyncio.Future[Detections]


class Dispatcher:
    """Runs the pictures of all callers through one detector, first in, first out. Lives in one event loop.

    Args:
        detector: computes them.
        max_waiting: pictures that may wait; more are refused with 503.
    """

    def __init__(self, detector: Detector, max_waiting: int) -> None:
        self._detector = detector
        self._max_waiting = max_waiting
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_WaitingPicture] = deque()
        self._running: set[DetectionTicket[Detections]] = set()

    @property
    def waiting(self) -> int:
        """The number of pictures that wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """The number of batches that are being computed."""
        return len(self._running)

    def check_room(self, pictures: int) -> None:
        """Refuse pictures for which there is no place.

        Raises:
            ApiError: 503 with the seconds after which to try again.
        """
        if len(self._waiting) + pictures > self._max_waiting:
            text = f"{len(self._waiting)} pictures wait already, of at most {self._max_waiting}: try again in a second"
            raise ApiError(503, "busy", text, retry_after_s=1)

    async def detect(self, query: Query, rules: ReportRules) -> Detections:
        """The detections of one picture. Cancelling the call takes the picture out of the queue.

        Raises:
            ApiError: the queue is full.
            PromptError: the model does not know the words.
        """
        self.check_room(1)
        self._detector.check(query.prompt)
        waiting = _WaitingPicture(query, rules, self._loop.create_future())
        self._waiting.append(waiting)
        self._start()
        try:
            return await waiting.answer
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def _start(self) -> None:
        while self._waiting and len(self._running) <= self._detector.depth:
            batch = self._take()
            ticket_of: list[DetectionTicket[Detections]] = []

            def done(
                batch: list[_WaitingPicture] = batch, ticket_of: list[DetectionTicket[Detections]] = ticket_of
            ) -> None:
                self._loop.call_soon_threadsafe(self._finish, batch, ticket_of)

            try:
                ticket = self._detector.submit([one.query for one in batch], done, batch[0].rules)
            except Exception as error:  # noqa: BLE001  the caller gets it
                _fail(batch, error)
                continue
            ticket_of.append(ticket)
            self._running.add(ticket)

    def _take(self) -> list[_WaitingPicture]:
        """The first that waits, and of those behind it as many with the same rules as one batch holds."""
        first = self._waiting.popleft()
        batch = [first]
        for one in list(self._waiting):
            if len(batch) >= self._detector.batch:
                break
            if one.rules == first.rules and one.query.size_px == first.query.size_px:
                self._waiting.remove(one)
                batch.append(one)
        return batch

    def _finish(self, batch: list[_WaitingPicture], ticket_of: list[DetectionTicket[Detections]]) -> None:
        (ticket,) = ticket_of
        self._running.discard(ticket)
        try:
            found = ticket.wait(0)
        except Exception as error:  # noqa: BLE001  the callers get it
            _fail(batch, error)
        else:
            for one, detections in zip(batch, found, strict=True):
                if not one.answer.done():
                    one.answer.set_result(detections)
        self._start()


def _fail(batch: list[_WaitingPicture], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)
