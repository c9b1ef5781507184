"""A node that finds red squares, with or without clips: `python -m tests.stream.clips.clip_node FOLDER|- URL...`.

Prints its address and runs until standard input ends.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from groundcast.model.prompt import Prompt
from groundcast.stream.options import ClipOptions, EventStoreOptions, NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher

from ...faults.processes import running
from ..blob_detector import BlobDetector

BEFORE_S, AFTER_S, MAX_CLIP_S, MAX_MIB = 1.0, 0.5, 2.5, 2


@contextmanager
def clip_node(folder: Path | None, urls: Sequence[str]) -> Generator[str]:
    """The address of such a node, which runs beside us. At the end it completes its last clips."""
    with running("tests.stream.clips.clip_node", str(folder or "-"), *urls) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(60)


def main() -> None:
    """Run until standard input ends."""
    folder, urls = sys.argv[1], sys.argv[2:]
    clips = ClipOptions(Path(folder), BEFORE_S, AFTER_S, MAX_CLIP_S, MAX_MIB, kinds=("appear",))
    sources = tuple(SourceOptions(f"cam{row}", url, object_events=("appear",)) for row, url in enumerate(urls))
    socket_options = PublisherOptions("tcp://127.0.0.1:*", wait_for_subscriber_s=20.0)
    options = NodeOptions(
        "clips",
        sources,
        publisher=socket_options,
        events=EventStoreOptions(None),
        clips=None if folder == "-" else clips,
    )
    with Publisher(socket_options, "clips") as publisher, closing(BlobDetector()) as detector:
        pipeline = Pipeline(options, detector, Prompt.parse("red square"), publisher)
        stop = threading.Event()
        thread = threading.Thread(target=pipeline.run, args=(stop,))
        thread.start()
        print(publisher.address, flush=True)
        sys.stdin.read()
        stop.set()
        thread.join()


if __name__ == "__main__":
    main()
