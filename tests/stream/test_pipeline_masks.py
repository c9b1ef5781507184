"""Masks of tracks, from a real clip to a real subscriber: computed only for those who ask."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from contextlib import closing

import numpy as np
import pytest

from groundcast.model.image import Image, rgb_of
from groundcast.model.masks.mask import Mask, mask_of, pixels_of
from groundcast.stream.mask_protocol import MaskStream
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.track import Box
from groundcast.stream.track_mask import TrackMask
from groundcast.stream.wire.message_types import DetectionMessage

from .blob_detector import BlobDetector
from .running_node import FRAMES, HEIGHT, RED_AND_GREEN, WIDTH


class _Coloured:
    """Masks what is not grey within each box."""

    name = "coloured"

    def __init__(self) -> None:
        self.frames = 0
        self.kept: list[list[MaskStream]] = []

    def find(self, stream: MaskStream, image: Image, boxes: Mapping[int, Box]) -> dict[int, Mask]:
        assert stream == ("clip", 1)
        self.frames += 1
        spread = np.ptp(rgb_of(image).astype(int), axis=2) > 60
        found: dict[int, Mask] = {}
        for track, (x1, y1, x2, y2) in boxes.items():
            inside = np.zeros_like(spread)
            inside[round(y1) : round(y2), round(x1) : round(x2)] = True
            if (mask := mask_of(spread & inside, 0.9)) is not None:
                found[track] = mask
        return found

    def keep(self, streams: Collection[MaskStream]) -> None:
        self.kept.append(list(streams))


def _run(clip: str, masker: _Coloured | None, *, masks: bool) -> list[DetectionMessage]:
    listening = PublisherOptions("tcp://127.0.0.1:*", wait_for_subscriber_s=20.0)
    options = NodeOptions("bench", (SourceOptions("clip", clip, pace="realtime"),), publisher=listening)
    with Publisher(listening, "bench") as publisher, closing(BlobDetector()) as detector:
        pipeline = Pipeline(options, detector, RED_AND_GREEN, publisher, masker=masker)
        running = threading.Thread(target=pipeline.run, args=(threading.Event(),))
        with Subscriber(publisher.address, newest_only=False, masks=masks, timeout_s=30.0) as subscriber:
            running.start()
            messages = list(subscriber)
        running.join()
    return messages


def test_masks_come_with_the_message_of_their_tracks(clip: str) -> None:
    masker = _Coloured()

    messages = _run(clip, masker, masks=True)

    masked = [message for message in messages if message.masks is not None]
    assert len(messages) == FRAMES
    assert len(masked) >= FRAMES // 4  # a loaded machine leaves frames out
    for message in masked:
        seen = {track.id: track for track in message.tracks if track.state != "coasting"}
        assert set(message.masks or {}) <= set(seen)
        for track_id, mask in (message.masks or {}).items():
            assert mask.size_hw == (HEIGHT, WIDTH)
            x1, y1, x2, y2 = seen[track_id].box_xyxy
            assert np.abs(np.array(mask.box_xyxy) - (x1, y1, x2, y2)).max() < 8
            assert pixels_of(_as_mask(mask)).sum() == mask.area_px
    assert masker.kept == [[("clip", 1)]]


def test_masks_cost_nothing_where_no_client_asks_for_them(clip: str) -> None:
    masker = _Coloured()

    messages = _run(clip, masker, masks=False)

    assert len(messages) == FRAMES
    assert masker.frames == 0
    assert all(message.masks is None for message in messages)


def test_a_node_without_a_masker_sends_its_messages_and_says_so(clip: str, caplog: pytest.LogCaptureFixture) -> None:
    messages = _run(clip, None, masks=True)

    assert len(messages) == FRAMES
    assert "no masker" in caplog.text


def _as_mask(mask: TrackMask) -> Mask:
    return Mask(mask.size_hw, mask.rle, mask.area_px, mask.quality, mask.box_xyxy)
