"""Events for tests of bridges: a node of two sources that tells them as fast as it is asked to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from groundcast.stream.bridges.event_bridge import EventBridge
from groundcast.stream.event import Event, PlaceCounts
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.wire.message_types import EventMessage

SOURCES = ("door", "shelf")


def event(number: int, source: str = "door", **values: object) -> EventMessage:
    what = Event(kind="cross", time_s=number / 10, place="line", phrase="person", direction="in", **values)  # type: ignore[arg-type]
    return EventMessage(
        node="bench",
        source=source,
        epoch=1,
        generation=1,
        seq=number,
        number=number,
        published_unix_ns=time.time_ns(),
        event=what,
    )


def counted(now: int, entered: int) -> PlaceCounts:
    return PlaceCounts("Shelf A", "zone", {"red mug": now}, {"entered": {"red mug": entered}})


def tell(publisher: Publisher, numbers: Iterable[int], every_s: float = 0.0) -> None:
    """An event of each source for each number."""
    for number in numbers:
        for source in SOURCES:
            publisher.send_event(event(number, source))
        if every_s:
            time.sleep(every_s)


@contextmanager
def running(bridge: EventBridge) -> Generator[Callable[[], None]]:
    """A bridge that runs in a thread; gives what ends it at once."""
    over = threading.Event()
    thread = threading.Thread(target=bridge.run, args=(over.is_set,))
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    try:
        yield end
    finally:
        end()


def numbers_of(bodies: Iterable[bytes]) -> dict[str, list[int]]:
    """The events' numbers in the order of their first arrival, of each source. A second arrival is left out."""
    seen: dict[str, list[int]] = {source: [] for source in SOURCES}
    known: set[str] = set()
    for body in bodies:
        values = json.loads(body)
        if values["id"] not in known:
            known.add(values["id"])
            seen[values["source"]].append(values["number"])
    return seen
