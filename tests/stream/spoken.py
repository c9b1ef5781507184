"""Messages for tests of what travels: detections, statuses and pictures of one source."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from groundcast.stream.event import Event
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.recording.raw_publisher import RawPublisher
from groundcast.stream.stats import SourceState
from groundcast.stream.track import Track
from groundcast.stream.wire.message_types import (
    DetectionMessage,
    EventMessage,
    FrameInfo,
    ModelInfo,
    PictureHeader,
    PromptInfo,
    StatusMessage,
    read_boot_id,
)

ANY_PORT = "tcp://127.0.0.1:*"
DET, SYS, IMG = b"det/1/bench/wrist/", b"sys/1/bench/wrist/", b"img/1/bench/wrist/"
JPEG = b"\xff\xd8 a picture, as far as the wire cares \xff\xd9" * 20

Wire = list[tuple[bytes, ...]]


def detections(seq: int, *, epoch: int = 1, source: str = "wrist") -> DetectionMessage:
    """A picture of this very moment, 20 ms old, with one mug in it."""
    now_ns = time.time_ns()
    mug = Track(
        7, "u-7", "red mug", 0.9, (1, 2, 30, 40), (1, 2, 30, 40), "matched", now_ns - 10**9, now_ns, 1.0, 0, (0, 0)
    )
    return DetectionMessage(
        node="bench",
        source=source,
        epoch=epoch,
        generation=1,
        seq=seq,
        frame=FrameInfo(seq, 640, 480, "arrival", captured_unix_ns=now_ns - 20_000_000, age_ms=20.0),
        model=ModelInfo("blobs", "uint8", "mean"),
        prompt=PromptInfo(1, "0" * 16, ("red mug",)),
        tracks=(mug,),
        published_unix_ns=now_ns,
        published_monotonic_ns=time.monotonic_ns(),
        boot_id=read_boot_id(),
    )


def status(seq: int, state: SourceState = "running", *, epoch: int = 1, source: str = "wrist") -> StatusMessage:
    """How the source is doing at this moment."""
    return StatusMessage(
        node="bench",
        source=source,
        epoch=epoch,
        generation=1,
        seq=seq,
        state=state,
        published_unix_ns=time.time_ns(),
    )


def crossing(number: int, *, epoch: int = 1, source: str = "wrist") -> EventMessage:
    """A mug that crossed the line `belt` at this moment."""
    now_ns = time.time_ns()
    event = Event(
        kind="cross", time_s=float(number), captured_unix_ns=now_ns, place="belt", phrase="red mug", direction="in"
    )
    return EventMessage(
        node="bench",
        source=source,
        epoch=epoch,
        generation=1,
        seq=number,
        number=number,
        published_unix_ns=now_ns,
        event=event,
    )


def header(seq: int, *, epoch: int = 1, source: str = "wrist") -> PictureHeader:
    """Which message a picture belongs to."""
    return PictureHeader(node="bench", source=source, epoch=epoch, generation=1, seq=seq)


@contextmanager
def speaking(
    publisher: Publisher, every_s: float = 0.01, most: int = 10**6, jpeg: bytes = JPEG
) -> Generator[list[int]]:
    """A node that speaks as soon as a client subscribes; gives the list of the `seq`s it has sent so far.

    After `most` messages its source ends.
    """
    over = threading.Event()
    sent: list[int] = []

    def speak() -> None:
        publisher.wait_for_subscriber(60, over.is_set)
        while len(sent) < most and not over.wait(every_s):
            seq = len(sent) + 1
            publisher.send_detections(detections(seq))
            if publisher.wants_pictures("wrist"):
                publisher.send_picture(
                    PictureHeader(node="bench", source="wrist", epoch=1, generation=1, seq=seq), jpeg
                )
            sent.append(seq)
        publisher.send_status(status(len(sent), "ended"))

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        yield sent
    finally:
        over.set()
        speaker.join()


@contextmanager
def sending(messages: Wire, *, lossless: bool = False) -> Generator[str]:
    """Sends to the first subscriber, from a thread of its own; gives the address."""
    ready = threading.Event()
    over = threading.Event()
    address: list[str] = []

    def send() -> None:
        with RawPublisher(ANY_PORT, lossless=lossless) as sender:
            address.append(sender.address)
            ready.set()
            sender.wait_for_subscriber(30, over.is_set)
            for topic, *parts in messages:
                assert sender.send(topic, parts, over.is_set) or over.is_set()
            sender.pause_until(time.monotonic() + 30, over.is_set)

    thread = threading.Thread(target=send)
    thread.start()
    ready.wait(10)
    try:
        yield address[0]
    finally:
        over.set()
        thread.join()
