"""Dispatcher: batches of what waits, exact answers, a bounded queue, callers who leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.launch.api.api_error import ApiError
from groundcast.launch.api.dispatcher import Dispatcher
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.postprocess import ReportRules
from groundcast.model.runtime.ticket import DetectionTicket

RULES = ReportRules()


class _HeldDetector:
    """Answers when it is told to: each picture's value at its first pixel is the score of one box."""

    depth, batch = 1, 4

    def __init__(self) -> None:
        self.tickets: list[DetectionTicket[Detections]] = []

    def check(self, prompt: Prompt) -> None:
        pass

    def submit(self, queries: Sequence[Query], on_done: Callable[[], None], rules: ReportRules) -> Any:
        self.tickets.append(DetectionTicket(queries, on_done))
        return self.tickets[-1]

    def answer(self, index: int) -> None:
        ticket = self.tickets[index]
        ticket.finish([_scored(np.asarray(query.image)[0, 0, 0] / 255) for query in ticket.queries])


def _scored(score: float) -> Detections:
    one = np.array([[0, 0, 1, 1]], np.float32)
    return Detections(("mug",), one, np.array([score], np.float32), np.zeros(1, np.int64))


def _query(value: int) -> Query:
    return Query(np.full((4, 4, 3), value, np.uint8), Prompt.parse("mug"))


async def _turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_waits_is_computed_in_batches_of_equal_rules() -> None:
    held = _HeldDetector()
    dispatcher = Dispatcher(cast("Detector", held), 100)
    other = ReportRules(threshold=0.9)
    tasks = [asyncio.ensure_future(dispatcher.detect(_query(n), other if n == 5 else RULES)) for n in range(8)]
    await _turns()
    assert [len(ticket.queries) for ticket in held.tickets] == [1, 1]
    held.answer(0)
    await _turns()
    assert [len(ticket.queries) for ticket in held.tickets] == [1, 1, 4]  # 2, 3, 4, 6
    for index in range(1, 5):
        await _turns()
        held.answer(index)
    found = await asyncio.gather(*tasks)
    assert [round(float(one.scores[0]) * 255) for one in found] == list(range(8))


async def test_a_full_queue_refuses_with_a_time_to_wait() -> None:
    held = _HeldDetector()
    dispatcher = Dispatcher(cast("Detector", held), 2)
    tasks = [asyncio.ensure_future(dispatcher.detect(_query(n), RULES)) for n in range(4)]
    await _turns()
    with pytest.raises(ApiError) as refused:
        await dispatcher.detect(_query(9), RULES)
    assert (refused.value.status, refused.value.retry_after_s) == (503, 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_caller_who_leaves_is_never_computed() -> None:
    held = _HeldDetector()
    dispatcher = Dispatcher(cast("Detector", held), 100)
    tasks = [asyncio.ensure_future(dispatcher.detect(_query(n), RULES)) for n in range(4)]
    await _turns()
    tasks[3].cancel()
    await _turns()
    assert dispatcher.waiting == 1
    held.answer(0)
    held.answer(1)
    await _turns()
    assert [len(ticket.queries) for ticket in held.tickets] == [1, 1, 1]
    held.answer(2)
    await asyncio.gather(*tasks[:3])


async def test_every_caller_gets_the_answer_that_one_alone_gets(
    detector: Detector, frames: list[NDArray[np.uint8]]
) -> None:
    prompts = [Prompt.parse(text) for text in ("red mug", "bottle . ball", "cube")]
    queries = [Query(frames[n % len(frames)], prompts[n % 3]) for n in range(12)]
    rules = [ReportRules(threshold=0.3 + 0.1 * (n % 2), nms_iou=0.7) for n in range(12)]
    alone = [detector.submit([query], rules=rule).wait()[0] for query, rule in zip(queries, rules, strict=True)]
    dispatcher = Dispatcher(detector, 100)
    together = await asyncio.gather(*map(dispatcher.detect, queries, rules))
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.boxes_xyxy, other.boxes_xyxy)
        assert np.array_equal(one.scores, other.scores)
