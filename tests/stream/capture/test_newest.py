from __future__ import annotations

import random
import threading
import time

from groundcast.stream.capture.newest import Newest


def _nothing() -> None:
    pass


def test_the_newest_item_replaces_one_that_was_not_taken() -> None:
    box = Newest[int](_nothing)
    for item in range(5):
        assert box.put(item)
    assert box.take() == (4, 4)
    assert box.take() is None


def test_drops_are_counted_from_one_take_to_the_next() -> None:
    box = Newest[str](_nothing)
    taken: list[tuple[str, int] | None] = []
    for items in ("a", "bcd", "e"):
        for item in items:
            box.put(item)
        taken.append(box.take())
    assert taken == [("a", 0), ("d", 2), ("e", 0)]
    assert box.dropped == 2


def test_what_was_put_is_always_taken_or_dropped_or_waiting() -> None:
    box, over = Newest[int](_nothing), threading.Event()

    def put_many() -> None:
        for item in range(3000):
            box.put(item)
        over.set()

    threading.Thread(target=put_many).start()
    items: list[int] = []
    dropped = 0
    while not over.is_set() or box.counts.waiting:
        counts = box.counts
        assert counts.put == counts.taken + counts.dropped + counts.waiting
        if taken := box.take():
            items.append(taken[0])
            dropped += taken[1]
    assert items == sorted(items)
    assert items[-1] == 2999
    assert len(items) + dropped == 3000
    assert box.counts == (3000, len(items), dropped, 0)


def test_who_waits_for_room_loses_nothing() -> None:
    box = Newest[int](_nothing)
    thread = threading.Thread(target=lambda: [box.put_and_wait(item, lambda: False) for item in range(200)])
    thread.start()
    items: list[int] = []
    while len(items) < 200:
        if taken := box.take():
            items.append(taken[0])
            assert taken[1] == 0
        elif random.random() < 0.1:
            time.sleep(0.001)
    thread.join(5)
    assert items == list(range(200))
    assert box.dropped == 0


def test_waiting_for_room_ends_when_told_to_stop() -> None:
    box, stop = Newest[int](_nothing), threading.Event()
    box.put(1)
    threading.Timer(0.05, stop.set).start()
    assert not box.put_and_wait(2, stop.is_set)
    assert box.take() == (1, 0)


def test_waiting_for_room_ends_at_once_when_the_mailbox_is_closed() -> None:
    box = Newest[int](_nothing)
    box.put(1)
    threading.Timer(0.05, box.close).start()
    assert not box.put_and_wait(2, lambda: False)


def test_a_closed_mailbox_counts_what_waited_as_dropped_and_takes_no_more() -> None:
    box = Newest[int](_nothing)
    box.put(1)
    box.close()
    assert not box.put(2)
    assert box.take() is None
    assert box.counts == (1, 0, 1, 0)


def test_each_item_wakes_the_taker() -> None:
    wakes: list[int] = []
    box = Newest[int](lambda: wakes.append(1))
    box.put(1)
    box.put(2)
    box.take()
    box.put_and_wait(3, lambda: False)
    assert len(wakes) == 3


def test_what_is_passed_over_counts_as_dropped_before_the_item_that_comes_after_it() -> None:
    box = Newest[str](_nothing)
    box.count_skipped()
    box.put("a")
    box.count_skipped()  # while a waits: it comes before b, not before a
    box.count_skipped()
    assert box.take() == ("a", 1)
    assert box.take() is None
    box.put("b")
    box.put("c")
    assert box.take() == ("c", 3)
    assert box.counts == (6, 2, 4, 0)
    box.close()
    assert not box.count_skipped()
