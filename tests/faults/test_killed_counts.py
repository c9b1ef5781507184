"""A node that counts is killed at random moments: what it sent is stored once, and its totals go on."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from groundcast.stream.event import CountName
from groundcast.stream.events.store import EventStore
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import EventMessage

from ..stream.rtsp_server import free_port
from ..stream.running_node import make_clip
from .processes import running

pytestmark = pytest.mark.slow

TIMES = 20
MAX_STARTS_S = 120.0


class EventWitness:
    """Takes every event through all restarts."""

    def __init__(self, address: str) -> None:
        self.messages: list[EventMessage] = []
        self._address = address
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def wait_for(self, count: int, within_s: float) -> None:
        deadline_s = time.monotonic() + within_s
        while len(self.messages) < count:
            assert time.monotonic() < deadline_s, f"only {len(self.messages)} of {count} events came"
            time.sleep(0.02)

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _listen(self) -> None:
        with Subscriber(self._address, events=True, detections=False, timeout_s=0.2) as subscriber:
            while not self._over.is_set():
                try:
                    self.messages.append(next(iter(subscriber.events())))
                except TimeoutError:
                    continue


def test_no_event_is_lost_or_stored_twice_and_the_totals_go_on(tmp_path: Path) -> None:
    clip, store, port = make_clip(tmp_path / "clip.mp4"), tmp_path / "events.sqlite", free_port()
    draw = random.Random(7)

    with closing(EventWitness(f"tcp://127.0.0.1:{port}")) as witness:
        for _ in range(TIMES):
            with running("tests.faults.counting_node", clip, str(store), str(port)) as node:
                witness.wait_for(len(witness.messages) + 3, MAX_STARTS_S)
                time.sleep(draw.uniform(0.0, 2.0))
                node.kill()
        time.sleep(1.0)

    sent = Counter((message.epoch, message.number) for message in witness.messages)
    with closing(sqlite3.connect(store)) as reader:
        stored = Counter(reader.execute("SELECT epoch, number FROM events").fetchall())
        crossings = reader.execute(
            "SELECT direction, phrase, count(*) FROM events WHERE kind = 'cross' GROUP BY 1, 2"
        ).fetchall()
    print(f"{len(sent)} events of {len({epoch for epoch, _ in sent})} runs received, {len(stored)} stored")
    assert len({epoch for epoch, _ in sent}) == TIMES
    assert max(sent.values()) == max(stored.values()) == 1
    assert sent.keys() <= stored.keys()
    with EventStore(store) as totals:
        counted: dict[tuple[str, CountName, str], int] = totals.totals("counting", "clip")
    assert counted == {("middle", direction, phrase): count for direction, phrase, count in crossings}
