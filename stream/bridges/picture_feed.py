"""Picture feed: a node's pictures for a bridge, received only while the bridge has a use for them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from ..subscriber import Subscriber
from ..wire.message_types import DetectionMessage
from .feed import FeedOptions

_LOG = logging.getLogger(__name__)
_TURN_S = 0.2


class PictureFeed:
    """Receives pictures in a thread of its own, so that detections never wait for them.

    The node encodes pictures only while a client subscribes to them. Of each source the newest is taken; those in
    between are left out.

    Args:
        options: where from.
        on_picture: called in the thread with each message that has its JPEG in `picture`.

    Attributes:
        failure: what ended the thread, None while all is well.
    """

    def __init__(self, options: FeedOptions, on_picture: Callable[[DetectionMessage], None]) -> None:
        self.failure: Exception | None = None
        self._options = options
        self._on_picture = on_picture
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def is_running(self) -> bool:
        return self._thread is not None

    def want(self, wanted: bool) -> None:
        """Begin to receive pictures, or end. Raises what has ended the thread."""
        if self.failure is not None:
            raise self.failure
        if wanted and self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="bridge-pictures", daemon=True)
            self._thread.start()
        elif not wanted and self._thread is not None:
            self.close()

    def close(self) -> None:
        """End. May be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _run(self) -> None:
        try:
            self._receive()
        except Exception as error:  # noqa: BLE001 - the bridge ends with it
            self.failure = error

    def _receive(self) -> None:
        while not self._stop.is_set():
            with self._subscriber() as subscriber:
                while not self._stop.is_set():
                    with suppress(TimeoutError):
                        try:
                            message = next(subscriber)
                        except StopIteration:  # every source has ended; the node may start again
                            break
                        if message.picture is not None:
                            self._on_picture(message)

    def _subscriber(self) -> Subscriber:
        options = self._options
        return Subscriber(
            options.address,
            options.sources,
            node=options.node,
            max_age_ms=options.max_age_ms,
            snapshot=False,
            pictures=True,
            timeout_s=_TURN_S,
            keys=options.keys,
        )
