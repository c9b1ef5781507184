"""A plain detector for tests: it finds 'red blob' and its like by their colour, in a thread of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.image import Rgb, rgb_of
from groundcast.model.prompt import Prompt, PromptError
from groundcast.model.query import Query

# Hue in OpenCV's half degrees: one range, or two where it goes round.
HUES = {"red": ((0, 10), (170, 180)), "yellow": ((22, 36),), "green": ((45, 80),), "blue": ((105, 130),)}
_MIN_SIDE_PX = 6
_SCORE = 0.9


class BlobTicket:
    """One job of the detector."""

    def __init__(self, queries: Sequence[Query], on_done: Callable[[], None] | None) -> None:
        self.queries = queries
        self.result: list[Detections] = []
        self.error: Exception | None = None
        self.cancelled = False
        self._on_done = on_done
        self._over = threading.Event()

    def done(self) -> bool:
        return self._over.is_set()

    def wait(self, timeout_s: float | None = None) -> list[Detections]:
        if not self._over.wait(timeout_s):
            raise TimeoutError(f"no answer within {timeout_s} s")
        if self.error is not None:
            raise self.error
        return self.result

    def cancel(self) -> bool:
        self.cancelled = True
        return not self.done()

    def finish(self) -> None:
        self._over.set()
        if self._on_done is not None:
            self._on_done()


class BlobDetector:
    """A detector of a few colours.

    Args:
        delay_s: how long each ticket takes at least.
        depth, batch, gpu: as the protocol says.
        fail_at: the ticket, counted from 0, that breaks it.

    Attributes:
        asked: tickets so far; together: how many pictures each of them had.
        sizes_px, shapes, kinds: of all pictures that it was shown.
    """

    info = DetectorInfo("blobs", "uint8", "max")

    def __init__(
        self,
        delay_s: float = 0.0,
        depth: int = 1,
        fail_at: int | None = None,
        batch: int = 1,
        gpu: int | None = None,
    ) -> None:
        self.depth = depth
        self.batch = batch
        self.gpu = gpu
        self.most_in_flight = 0
        self.in_flight = 0
        self.asked = 0
        self.together: list[int] = []
        self.sizes_px: set[int | None] = set()
        self.shapes: set[tuple[int, ...]] = set()
        self.kinds: set[type] = set()
        self._delay_s = delay_s
        self._fail_at = fail_at
        self._closing = threading.Event()
        self._jobs: queue.SimpleQueue[BlobTicket | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="blobs", daemon=True)
        self._worker.start()

    def check(self, prompt: Prompt) -> None:
        for phrase in prompt.phrases:
            if _colour(phrase.name) not in HUES:
                raise PromptError(f"phrase {phrase.name!r} names none of the colours {', '.join(HUES)}")

    def captions(self, prompt: Prompt) -> int:
        return -(-sum(len(phrase.wordings) for phrase in prompt.phrases) // 64)

    def submit(self, queries: Sequence[Query], on_done: Callable[[], None] | None = None) -> BlobTicket:
        ticket = BlobTicket(queries, on_done)
        self.together.append(len(queries))
        self.sizes_px.update(query.size_px for query in queries)
        self.shapes.update(query.image.shape for query in queries)
        self.kinds.update(type(query.image) for query in queries)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self._jobs.put(ticket)
        return ticket

    def close(self, wait_s: float | None = None) -> None:
        self._closing.set()
        self._jobs.put(None)
        self._worker.join(wait_s)

    def _work(self) -> None:
        while (ticket := self._jobs.get()) is not None:
            if not ticket.cancelled:
                self._answer(ticket)
            self.in_flight -= 1
            ticket.finish()

    def _answer(self, ticket: BlobTicket) -> None:
        begin_s = time.monotonic()
        self.asked += 1
        if self.asked - 1 == self._fail_at:
            ticket.error = RuntimeError("the lamp went out")
            return
        ticket.result = [find_blobs(rgb_of(query.image), query.prompt) for query in ticket.queries]
        self._closing.wait(max(0.0, self._delay_s - (time.monotonic() - begin_s)))


def find_blobs(image: Rgb, prompt: Prompt) -> Detections:
    """Each connected patch of a colour that is asked for."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    boxes: list[tuple[int, int, int, int]] = []
    indices: list[int] = []
    thresholds = {phrase.name: phrase.threshold or 0.0 for phrase in prompt.phrases}
    for index, name in enumerate(prompt.names):
        if thresholds[name] > _SCORE:
            continue
        mask = np.zeros(image.shape[:2], np.uint8)
        for low, high in HUES[_colour(name)]:
            mask |= cv2.inRange(hsv, np.array([low, 110, 70]), np.array([high, 255, 255])).astype(np.uint8)
        _, _, patches, _ = cv2.connectedComponentsWithStats(mask)
        for x, y, w, h, _ in patches[1:].tolist():
            if min(w, h) >= _MIN_SIDE_PX:
                boxes.append((x, y, x + w, y + h))
                indices.append(index)
    return Detections(
        prompt.names,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), _SCORE, np.float32),
        np.array(indices, np.int64),
    )


def _colour(name: str) -> str:
    return name.split(maxsplit=1)[0].lower()
