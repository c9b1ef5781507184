"""A node in this process, its pipeline in a thread, and one who takes every message."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Self

from groundcast.model.prompt import Prompt
from groundcast.stream.detector_protocol import StreamDetector
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import NodeSummary, Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.subscriber import Subscriber


class RunningNode:
    """Looks at cameras cam0, cam1, ... with a detector until it is stopped."""

    def __init__(self, detector: StreamDetector, urls: Sequence[str], prompt: str = "red blob . green blob") -> None:
        sources = tuple(SourceOptions(f"cam{number}", url) for number, url in enumerate(urls))
        socket_options = PublisherOptions("tcp://127.0.0.1:*", wait_for_subscriber_s=20.0)
        self.publisher = Publisher(socket_options, "faults")
        options = NodeOptions("faults", sources, publisher=socket_options)
        self.pipeline = Pipeline(options, detector, Prompt.parse(prompt), self.publisher)
        self.commands = self.pipeline.commands
        self.subscriber = Subscriber(self.publisher.address, newest_only=False, snapshot=False, timeout_s=30.0)
        self._stop = threading.Event()
        self._summary = NodeSummary(())
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.publisher.close()
        self.subscriber.close()

    def stop(self) -> NodeSummary:
        """End the run, if it has not ended yet."""
        self._stop.set()
        self._thread.join()
        return self._summary

    def _run(self) -> None:
        self._summary = self.pipeline.run(self._stop)
