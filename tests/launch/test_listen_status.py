"""`groundcast listen --status`: how the sources of a node are doing, and nothing else."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import io
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from rich.console import Console

from groundcast.launch.show.status_table import StatusTable, status_line
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.wire.message_types import StatusMessage

from .commands import in_process
from .standing_node import DOOR, SHELF
from .test_listen import MESSAGE

ENDED = replace(DOOR, state="ended", ended="every frame was read", error=None)


@contextmanager
def telling_node(*statuses: StatusMessage) -> Generator[str]:
    """A node that says a detection and then these, once a client subscribes to statuses."""
    over = threading.Event()

    def speak(publisher: Publisher) -> None:
        while not publisher._subscriptions.match(b"sys/1/bench/door/") and not over.wait(0.02):
            pass
        publisher.send_detections(MESSAGE)
        for status in statuses:
            publisher.send_status(status)

    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), "bench") as publisher:
        speaker = threading.Thread(target=speak, args=(publisher,))
        speaker.start()
        try:
            yield publisher.address
        finally:
            over.set()
            speaker.join()


def test_without_a_terminal_each_status_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with telling_node(DOOR, SHELF, replace(SHELF, state="failed"), ENDED) as address:
        ended = in_process(capsys, "listen", address, "--status", "--timeout-s", "60", "--source", "door")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "door: running, 29.5 fps in, 14.5 out, p95 32 ms, 1452 dropped, 2 reconnects, prompt 3, 7 stale",
        status_line(ENDED),
    ]
    assert not ended.err


def test_each_status_can_be_had_as_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    with telling_node(DOOR, replace(SHELF, paused=True), ENDED) as address:
        ended = in_process(capsys, "listen", address, "--status", "--jsonl", "--count", "2", "--timeout-s", "60")

    door, shelf = (json.loads(line) for line in ended.out.splitlines())
    assert (door["source"], door["state"], door["frames_decoded"], door["stale_total"]) == ("door", "running", 1934, 7)
    assert (shelf["source"], shelf["paused"], shelf["error"]) == ("shelf", True, SHELF.error)


def test_a_table_says_how_long_ago_it_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("groundcast.launch.show.status_table.time.monotonic", lambda: now_s[0])
    board = StatusTable()
    board.show(replace(DOOR, paused=True))
    board.show(replace(SHELF, error="[red]no route\x1b[2J"))
    console = Console(file=io.StringIO(), width=80)
    now_s[0] = 107.0

    console.print(board._table())

    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert " running, paused  29.5/14.5   1452   32 ms  2     3       7 s" in said
    assert "7 s" in said
    assert "[red]no route [2J" in said


def test_a_status_that_comes_while_the_table_is_drawn_does_not_break_it() -> None:
    board = StatusTable()
    board.show(DOOR)
    drawn = iter(board._last)
    assert next(drawn) == ("bench", "door")

    board.show(SHELF)

    assert list(drawn) == []  # what is drawn stays as it was
    assert list(board._last) == [("bench", "door"), ("bench", "shelf")]


def test_silence_is_a_failure_when_a_limit_was_set(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "listen", "tcp://127.0.0.1:9", "--status", "--timeout-s", "0.3")

    assert ended.code == 1
    assert ended.sentence.endswith("is a node running there?")


def test_what_needs_detections_does_not_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process(capsys, "listen", "--status", "--every").code == 2
