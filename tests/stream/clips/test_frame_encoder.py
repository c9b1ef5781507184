"""Clips of sources without packets of their own: frames are encoded, within bounds, into clips that play."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from groundcast.stream.clips.clip_file import ClipFile
from groundcast.stream.clips.frame_encoder import FrameEncoder
from groundcast.stream.clips.packet_ring import PacketRing
from groundcast.stream.frame import Frame
from groundcast.stream.options import ClipOptions, EventStoreOptions, NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.pusher import Pusher
from groundcast.stream.wire.message_types import DetectionMessage

from ...waiting import eventually
from ..blob_detector import BlobDetector
from ..rtsp_server import free_port
from ..running_node import HEIGHT, RED_AND_GREEN, WIDTH


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A red square that goes right on grey."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[60:100, 20 + 5 * index : 60 + 5 * index] = (220, 30, 30)
    return image


def frame(index: int, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """One of ten a second."""
    return Frame(
        source="wrist",
        generation=1,
        index=index,
        pts=None,
        time_base=(1, 1),
        time_s=5.0 + index / 10,
        captured_unix_ns=None,
        clock="push",
        captured_error_ms=None,
        received_ns=0,
        decoded_ns=0,
        frame_id=None,
        image=picture(index, width, height),
    )


def encoded(*frames: Frame) -> PacketRing:
    """All of these frames."""
    ring = PacketRing(1 << 24, 60.0)
    with closing(FrameEncoder(ring, "wrist")) as encoder:
        for one in frames:
            encoder.put(one)
            assert eventually(lambda at_s=one.time_s: bool(kept := ring.since(0)) and kept[-1].at_s >= at_s - 1e-4)
    return ring


def written(ring: PacketRing, path: Path, at_s: float) -> list[av.VideoFrame]:
    """The pictures of a clip that begins at the key frame for this time."""
    first = ring.start_for(at_s)
    assert first is not None
    assert ring.template is not None
    file = ClipFile(path, ring.template, first)
    for kept in ring.since(first.number):
        file.add(kept)
    file.finish()
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_frames_become_packets_with_a_key_frame_each_second_and_their_own_times(tmp_path: Path) -> None:
    ring = encoded(*(frame(index, 321, 241) for index in range(30)))

    assert [kept.at_s for kept in ring.since(0) if kept.is_key] == pytest.approx([5.0, 6.0, 7.0])
    shown = written(ring, tmp_path / "clip.mp4", 6.5)
    assert shown[0].key_frame
    assert [one.time for one in shown] == pytest.approx([index / 10 for index in range(20)], abs=0.001)
    assert (shown[0].width, shown[0].height) == (320, 240)
    red = shown[5].to_ndarray(format="rgb24")[80, 40 + 5 * 15]
    np.testing.assert_allclose(red.astype(int), (220, 30, 30), atol=25)


def test_pictures_of_another_size_begin_anew() -> None:
    ring = encoded(frame(0), frame(1), frame(2, 160, 120), frame(3, 160, 120))

    kept = ring.since(0)
    assert [(round(one.at_s, 3), one.is_key, one.begins) for one in kept] == [(5.2, True, True), (5.3, False, False)]
    assert ring.template is not None
    assert ring.template.width == 160


def test_of_frames_that_wait_the_oldest_are_left_out() -> None:
    ring = PacketRing(1 << 24, 60.0)
    with closing(FrameEncoder(ring, "wrist")) as encoder:
        for index in range(200):
            encoder.put(frame(index % 50, 1280, 720))
        left_out = encoder.left_out

    assert left_out > 100


@contextmanager
def node_of(
    source: SourceOptions, folder: Path, on_message: Callable[[DetectionMessage], None] = lambda _: None
) -> Generator[Pipeline]:
    """A node with one source and clips."""
    listening = PublisherOptions("tcp://127.0.0.1:*")
    clips = ClipOptions(folder, before_s=0.2, after_s=0.3)
    node = NodeOptions("bench", (source,), publisher=listening, events=EventStoreOptions(None), clips=clips)
    with Publisher(listening, "bench") as publisher, closing(BlobDetector()) as detector:
        yield Pipeline(node, detector, RED_AND_GREEN, publisher, on_message)


def check_clip(folder: Path) -> None:
    """There is a clip that plays, whose events lie in it."""
    path = min(folder.glob("*.mp4"))
    beside = json.loads(path.with_suffix(".json").read_text())
    with av.open(str(path)) as container:
        shown = list(container.decode(video=0))
    assert shown[0].key_frame
    assert len(shown) > 1
    assert [event["kind"] for event in beside["events"]]
    assert all(0.0 <= event["at_s"] <= shown[-1].time + 0.2 for event in beside["events"])
    assert beside["tracks"][-1]["tracks"]


def test_an_event_of_pushed_pictures_gets_a_clip(tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    stop = threading.Event()
    messages: list[DetectionMessage] = []
    source = SourceOptions("wrist", f"push:{address}", object_events=("appear",))
    with node_of(source, tmp_path, messages.append) as node:
        thread = threading.Thread(target=node.run, args=(stop,))
        thread.start()
        try:
            with Pusher(address, wait_s=20.0) as pusher:
                for index in range(40):  # 20 a second by their own clock, each once the last one has its message
                    pusher.send(picture(index), pts=index * 50_000_000)
                    assert eventually(lambda index=index: len(messages) > index)
        finally:
            stop.set()
            thread.join()
    check_clip(tmp_path)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_an_event_of_a_source_with_a_decoder_process_gets_a_clip(clip: str, tmp_path: Path) -> None:
    handler = functools.partial(_Quiet, directory=Path(clip).parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        url = f"http://127.0.0.1:{server.server_port}/{Path(clip).name}"
        source = SourceOptions("door", url, object_events=("appear",), decode_process=True)
        with node_of(source, tmp_path) as node:
            node.run(threading.Event())
        server.shutdown()
    check_clip(tmp_path)
