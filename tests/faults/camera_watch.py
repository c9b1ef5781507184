"""A node with cameras that may fail and cameras that may not, and one who notes when what is said of which."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage, StatusMessage

from ..stream.blob_detector import BlobDetector
from ..stream.running_node import Node
from .camera_faults import Sign


@dataclass(frozen=True)
class Heard:
    """A message and when it arrived, monotonic ns."""

    arrived_ns: int
    message: DetectionMessage


class CameraWatch:
    """Runs the node and listens to it, in threads."""

    def __init__(self, sources: Sequence[SourceOptions]) -> None:
        self._detector = BlobDetector()
        self.node = Node(self._detector, *sources, stays=True)
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.node.stop()
        self._thread.join(35.0)
        self.node.publisher.close()
        self.node.subscriber.close()
        self._detector.close()

    def heard(self, source: str, since_ns: int = 0) -> list[Heard]:
        """What arrived from a source after a moment."""
        with self._lock:
            return [one for one in self._heard if one.message.source == source and one.arrived_ns > since_ns]

    def statuses(self, source: str, since_unix_ns: int = 0) -> list[StatusMessage]:
        """What was said of a source after a moment."""
        told = tuple(self.node.statuses)
        return [one for one in told if one.source == source and one.published_unix_ns > since_unix_ns]

    def rate_hz(self, source: str, from_ns: int, to_ns: int) -> float:
        """Messages per second of a source between two moments."""
        heard = [one for one in self.heard(source, from_ns) if one.arrived_ns <= to_ns]
        return len(heard) * 1e9 / (to_ns - from_ns)

    def noticed_s(self, source: str, sign: Sign, since_unix_ns: int, timeout_s: float) -> float | None:
        """How many seconds after a moment a source said so; None if it did not in time."""

        def found() -> list[StatusMessage]:
            return [one for one in self.statuses(source, since_unix_ns) if _matches(one, sign)]

        return (found()[0].published_unix_ns - since_unix_ns) / 1e9 if until(lambda: bool(found()), timeout_s) else None

    def _listen(self) -> None:
        for message in self.node.subscriber:
            with self._lock:
                self._heard.append(Heard(time.monotonic_ns(), message))


def until(done: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until `done` says so; false if that takes too long."""
    end_s = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def _matches(status: StatusMessage, sign: Sign) -> bool:
    return status.state == sign.state and sign.says in f"{status.error or ''}{status.warning or ''}"
