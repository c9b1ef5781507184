"""A node that runs in a thread of the tests, and a clip for it."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np

from groundcast.model.prompt import Prompt
from groundcast.stream.clock import Clock
from groundcast.stream.detector_protocol import StreamDetector
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions, TrackerOptions
from groundcast.stream.pipeline import NodeSummary, Pipeline, PipelineError
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import DetectionMessage, PictureHeader, StatusMessage

FRAMES, RATE_HZ, WIDTH, HEIGHT = 40, 25, 320, 240
RED_AND_GREEN = Prompt.parse("red blob . green blob")


def make_clip(path: Path) -> str:
    """A red square that goes right and a green one that goes left, in H.264."""
    with av.open(path, "w", options={"movflags": "faststart"}) as container:  # so that half of it can be opened
        stream = container.add_stream("libx264", RATE_HZ, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            image[60:100, 20 + 5 * index : 60 + 5 * index] = (220, 30, 30)
            image[140:180, 260 - 5 * index : 300 - 5 * index] = (30, 200, 30)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return str(path)


class PictureCounter(Publisher):
    """A publisher that counts the pictures it is given."""

    pictures = 0

    def send_picture(self, belongs_to: PictureHeader, jpeg: bytes) -> None:
        self.pictures += 1
        super().send_picture(belongs_to, jpeg)


class Node:
    """A pipeline that runs in a thread, and a subscriber to all its messages."""

    def __init__(
        self,
        detector: StreamDetector,
        *sources: SourceOptions,
        pictures: bool = False,
        on_message: Callable[[DetectionMessage], None] | None = None,
        stale_after_ms: float = 1000.0,
        batch_wait_ms: float = 5.0,
        stays: bool = False,
        clock: Clock | None = None,
        begins: bool = True,
        listens_to: Sequence[str] | None = None,
        tracker: TrackerOptions | None = None,
    ) -> None:
        socket_options = PublisherOptions("tcp://127.0.0.1:*", high_water_mark=5000, wait_for_subscriber_s=20.0)
        options = NodeOptions(
            "bench",
            sources,
            publisher=socket_options,
            stale_after_ms=stale_after_ms,
            heartbeat_s=0.2,
            batch_wait_ms=batch_wait_ms,
            tracker=tracker or TrackerOptions(),
        )
        self.messages: list[DetectionMessage] = []
        self.statuses: list[StatusMessage] = []
        self.summary = NodeSummary(())
        self.error: Exception | None = None
        self.publisher = PictureCounter(options.publisher, "bench")
        self.pipeline = Pipeline(options, detector, RED_AND_GREEN, self.publisher, on_message, clock)
        self.commands = self.pipeline.commands
        self.subscriber = Subscriber(
            self.publisher.address,
            listens_to,
            newest_only=False,
            snapshot=False,
            pictures=pictures,
            timeout_s=30.0,
            on_status=self.statuses.append,
        )
        self._stop, self._stays = threading.Event(), stays
        self._thread = threading.Thread(target=self._run)
        if begins:
            self.begin()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.publisher.close()
        self.subscriber.close()

    def begin(self) -> None:
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.summary = self.pipeline.run(self._stop, stays=self._stays)
        except PipelineError as error:
            self.error = error

    def stop(self) -> float:
        """Ends the run; how long that took."""
        begin_s = time.monotonic()
        self._stop.set()
        self._thread.join()
        return time.monotonic() - begin_s

    def listen(self, until: Callable[[DetectionMessage], bool] = lambda _: False) -> list[DetectionMessage]:
        """Everything up to a message, or to the end of all sources."""
        for message in self.subscriber:
            self.messages.append(message)
            if until(message):
                break
        return self.messages

    def listen_to_the_end(self) -> list[DetectionMessage]:
        self.listen()
        self.wait()
        return self.messages

    def wait(self) -> None:
        """Until the node has ended by itself."""
        self._thread.join()

    def last_status(self, source: str) -> StatusMessage:
        return [status for status in self.statuses if status.source == source][-1]
