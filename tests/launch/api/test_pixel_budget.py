"""Small uploads that become large pictures: what is decoded at once is bounded, and every picture has its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np

from groundcast.launch.api.detect_request import DetectRequest
from groundcast.launch.api.detection_service import DetectionService
from groundcast.launch.api.dispatcher import Dispatcher
from groundcast.launch.api.model_pool import LoadedModel, ModelPool
from groundcast.launch.api.pixel_budget import PixelBudget
from groundcast.launch.api.upload_picture import Upload
from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.postprocess import ReportRules
from groundcast.model.runtime.ticket import DetectionTicket

from .running_api import png

NOTHING = Detections(("mug",), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
SIDE_PX = 500
MAX_PIXELS = 4 * SIDE_PX * SIDE_PX


class _HeldModel:
    """A pool of one model that answers when it is told to, and notes how many pixels are decoded."""

    info = DetectorInfo("held", "float32", "mean")
    depth, batch, names = 1, 1, ("held",)

    def __init__(self) -> None:
        self.tickets: list[DetectionTicket[Detections]] = []
        self._loaded = LoadedModel("held", cast("Detector", self), Dispatcher(cast("Detector", self), 256), 0)

    @asynccontextmanager
    async def use(self, _name: str | None) -> AsyncGenerator[LoadedModel]:
        yield self._loaded

    def check(self, prompt: Prompt) -> None:
        pass

    def submit(self, queries: Sequence[Query], on_done: Callable[[], None], _rules: ReportRules) -> Any:
        self.tickets.append(DetectionTicket(queries, on_done))
        return self.tickets[-1]

    @property
    def decoded(self) -> int:
        """Pictures that are decoded and not answered."""
        running = sum(not ticket.done() for ticket in self.tickets)
        return running + self._loaded.dispatcher.waiting


async def test_large_pictures_in_small_files_are_decoded_as_there_is_room() -> None:
    model = _HeldModel()
    service = DetectionService(cast("ModelPool", model), ReportRules(), MAX_PIXELS)
    data = png(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8))
    uploads = [Upload(f"{number}.png", data) for number in range(20)]
    answering = asyncio.ensure_future(service.detect(uploads, DetectRequest(prompt="mug")))
    answered, most = 0, 0
    while not answering.done():
        await asyncio.sleep(0.01)
        most = max(most, model.decoded)
        for ticket in model.tickets[answered : answered + 1]:
            ticket.finish([NOTHING])
            answered += 1
    service.close()
    assert len((await answering).pictures) == answered == 20
    assert 1 < most <= 4
    assert service.pixels.held == 0


async def test_a_picture_above_the_bound_is_held_alone() -> None:
    budget, order = PixelBudget(10), list[int]()

    async def hold(pixels: int) -> None:
        async with budget.hold(pixels):
            order.append(budget.held)
            await asyncio.sleep(0.01)

    await asyncio.gather(hold(4), hold(4), hold(25), hold(4))
    assert len(order) == 4
    assert all(held <= 10 or held == 25 for held in order)
    assert budget.held == 0


async def test_a_caller_who_leaves_while_waiting_holds_nothing() -> None:
    budget = PixelBudget(10)

    async def hold(pixels: int) -> None:
        async with budget.hold(pixels):
            await asyncio.sleep(60)

    first, second = asyncio.ensure_future(hold(8)), asyncio.ensure_future(hold(8))
    await asyncio.sleep(0.01)
    assert budget.held == 8
    for task in (second, first):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert budget.held == 0
