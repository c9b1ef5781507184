"""What a frame leaves behind once it was answered."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from groundcast.model.detections import Detections
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.ticket import DetectionTicket
from groundcast.stream.frame import Frame
from groundcast.stream.node.inference import FrameQuery, InferenceBatch
from groundcast.stream.node.prompt_state import VersionedPrompt

from ..blob_detector import BlobDetector

PROMPT = Prompt.parse("red blob")


class InstantDetector(BlobDetector):
    """Answers at once, with the tickets of the real detector."""

    def submit(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, queries: Sequence[Query], on_done: Callable[[], None] | None = None
    ) -> DetectionTicket[Detections]:
        ticket = DetectionTicket[Detections](queries, on_done)
        ticket.begin()
        ticket.finish([Detections.none(query.prompt.names) for query in queries])
        return ticket


@pytest.fixture
def no_collector() -> Iterator[None]:
    """In a large process Python's collector of circles looks seldom; a picture must not wait for it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_frame_that_was_answered_is_let_go_of_at_once() -> None:
    detector = InstantDetector()
    image = np.zeros((8, 8, 3), np.uint8)
    frame = Frame("cam", 1, 0, None, (1, 25), 0.0, None, "file", None, 0, 0, None, image)
    picture = weakref.ref(image)
    batch = InferenceBatch([FrameQuery(frame, 0, VersionedPrompt(PROMPT, 1))], detector, lambda: None)
    assert len(batch.results()) == 1
    del image, frame, batch
    detector.close()
    assert picture() is None
