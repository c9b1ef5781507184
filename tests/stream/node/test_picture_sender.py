"""Pictures are encoded beside the loop."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream.node.picture_sender import PictureSender
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.wire.message import decode_detections
from groundcast.stream.wire.message_types import PictureHeader

GOLDEN = decode_detections((Path(__file__).parents[1] / "golden_live.msgpack").read_bytes())


class HeldPublisher(Publisher):
    """Sends no picture before it may."""

    def __init__(self) -> None:
        super().__init__(PublisherOptions("tcp://127.0.0.1:*"), "bench")
        self.may = threading.Event()
        self.sent: list[tuple[str, int]] = []

    def send_picture(self, belongs_to: PictureHeader, jpeg: bytes) -> None:
        self.may.wait()
        self.sent.append((belongs_to.source, belongs_to.seq))


def test_pictures_that_find_too_many_waiting_are_left_out_and_counted() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    publisher = HeldPublisher()
    with publisher:
        sender = PictureSender(publisher, quality=85)
        for seq in range(1, 21):
            sender.send(replace(GOLDEN, seq=seq), image)
        publisher.may.set()
        sender.close()
        assert publisher.sent == [(GOLDEN.source, seq) for seq in range(1, len(publisher.sent) + 1)]
        assert len(publisher.sent) + sender.dropped == 20
        assert sender.dropped > 0


def test_pictures_that_cannot_be_sent_are_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    publisher = HeldPublisher()
    with publisher:
        publisher.may.set()
        sender = PictureSender(publisher, quality=85)
        no_picture = np.zeros((0, 0, 3), np.uint8)
        for image in (no_picture, no_picture, np.zeros((8, 8, 3), np.uint8)):
            sender.send(GOLDEN, image)
        sender.close()

    assert (len(publisher.sent), sender.dropped) == (1, 2)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
