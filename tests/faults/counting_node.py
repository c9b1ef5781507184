"""A node that counts what crosses a line, to be killed: `python -m tests.faults.counting_node CLIP STORE PORT`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from groundcast.stream.options import EventStoreOptions, NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.zone import LineOptions

from ..stream.blob_detector import BlobDetector
from ..stream.running_node import HEIGHT, RED_AND_GREEN, WIDTH


def main() -> None:
    """Run until killed."""
    clip, store, port = sys.argv[1:]
    middle = LineOptions("middle", ((WIDTH / 2, 0), (WIDTH / 2, HEIGHT)))
    kinds = ("appear", "disappear")
    source = SourceOptions("clip", clip, pace="realtime", loop=True, lines=(middle,), object_events=kinds)
    listening = PublisherOptions(f"tcp://127.0.0.1:{port}")
    options = NodeOptions("counting", (source,), publisher=listening, events=EventStoreOptions(Path(store)))
    with Publisher(listening, "counting") as publisher:
        pipeline = Pipeline(options, BlobDetector(), RED_AND_GREEN, publisher)
        pipeline.run(threading.Event())


if __name__ == "__main__":
    main()
