"""A short run whose recording is kept: four seconds of the embedded clip, looked at by the plain colour detector.

    python -m tests.stream.golden_run

writes it anew, from the project's folder, when what the pipeline answers was changed on purpose.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import av

from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.clip_truth import CLIP_PATH
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.recording.counters import RecordingCounters
from groundcast.stream.recording.raw_subscriber import RawSubscriber
from groundcast.stream.recording.recorder import record
from groundcast.stream.recording.rotation import RotatingRecording, RotationOptions

from .blob_detector import BlobDetector

GOLDEN = Path(__file__).with_name("golden_run.mcap")
FRAMES = 80
PROMPT = Prompt.parse("red blob . yellow blob . green blob")


def record_run(path: Path, folder: Path) -> None:
    """Run the pipeline over real sockets and record what it sends.

    Args:
        path: the recording, which must not exist.
        folder: for the clip.
    """
    source = SourceOptions("table", str(_shortened(folder / "table.mp4")))
    options = NodeOptions(
        "golden", (source,), publisher=PublisherOptions("tcp://127.0.0.1:*", wait_for_subscriber_s=20.0)
    )
    counters, over = RecordingCounters(), threading.Event()
    with Publisher(options.publisher, "golden") as publisher, closing(BlobDetector()) as detector:
        pipeline = Pipeline(options, detector, PROMPT, publisher)
        running = threading.Thread(target=pipeline.run, args=(over,))
        with (
            RawSubscriber(publisher.address) as tap,
            closing(RotatingRecording(path, RotationOptions(), {"address": publisher.address})) as recording,
        ):
            running.start()
            until_s = time.monotonic() + 60.0  # a pipeline that fails does not say that it ended
            record(tap, recording, counters, lambda: counters.is_finished or time.monotonic() > until_s)
        over.set()
        running.join()


def _shortened(path: Path) -> Path:
    """The first frames of the embedded clip, not encoded again: the decoder gives the same pixels everywhere."""
    with av.open(CLIP_PATH) as reading, av.open(path, "w") as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for count, packet in enumerate(reading.demux(video=0)):
            if count == FRAMES:
                break
            packet.stream = stream
            writing.mux(packet)
    return path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as workplace:
        GOLDEN.unlink(missing_ok=True)
        record_run(GOLDEN, Path(workplace))
    sys.exit(0)
