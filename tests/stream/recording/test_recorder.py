"""The recorder's loop: everything that is heard is kept or counted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from groundcast.stream.recording.counters import RecordingCounters
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.recording.raw_subscriber import RawSubscriber
from groundcast.stream.recording.recorder import record
from groundcast.stream.recording.rotation import RotatingRecording, RotationOptions
from groundcast.stream.wire.message import encode

from ..spoken import DET, IMG, JPEG, SYS, Wire, detections, header, sending, status


def recorded(messages: Wire, path: Path) -> RecordingCounters:
    """Send them, and record what is heard until the source has ended."""
    counters = RecordingCounters()
    with (
        sending(messages) as address,
        RawSubscriber(address, pictures=True) as tap,
        closing(RotatingRecording(path, RotationOptions(), {})) as recording,
    ):
        record(tap, recording, counters, lambda: counters.is_finished)
    return counters


def test_what_cannot_be_read_is_kept_and_what_has_no_place_is_counted(tmp_path: Path) -> None:
    messages: Wire = [
        (DET, b"\xc1 not msgpack"),
        (SYS, b"\x80"),
        (DET, encode(detections(1)), b"a part too many"),
        (b"det/1/bench/", b"\x80"),
        (IMG, encode(header(1)), JPEG),
        (DET, encode(detections(1))),
        (SYS, encode(status(1, "ended"))),
    ]

    counters = recorded(messages, tmp_path / "a.mcap")

    kept = [(message.topic, *message.parts) for message in McapReader(tmp_path / "a.mcap")]
    assert kept == [messages[at] for at in (0, 1, 4, 5, 6)]
    assert (counters.malformed, counters.refused, counters.messages) == (2, 2, 5)


def test_losses_and_starts_are_counted_by_source(tmp_path: Path) -> None:
    door = DET.replace(b"wrist", b"door")
    counts = ((1, 5), (1, 8), (2, 1), (2, 3), (2, 3))
    messages: Wire = [(DET, encode(detections(seq, epoch=epoch))) for epoch, seq in counts]
    messages += [(door, encode(detections(seq, source="door", epoch=2))) for seq in (1, 4)]
    messages += [(SYS.replace(b"wrist", b"door"), encode(status(4, "ended", source="door", epoch=2)))]
    messages += [(SYS, encode(status(6, "ended", epoch=2)))]

    counters = recorded(messages, tmp_path / "a.mcap")

    assert counters.gaps == {("bench", "wrist"): 2 + 1 + 3, ("bench", "door"): 2}
    assert counters.starts == {"bench": 2}
