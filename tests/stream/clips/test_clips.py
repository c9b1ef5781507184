"""Clips of events: from a node's packets to files that play."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import pytest

from groundcast.stream.clips.clip_file import ClipError, ClipFile
from groundcast.stream.clips.clip_folder import ClipFolder
from groundcast.stream.clips.clip_recorder import ClipRecorder
from groundcast.stream.clips.packet_ring import PacketRing
from groundcast.stream.options import ClipOptions, EventStoreOptions, NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.wire.message_types import DetectionMessage

from ..blob_detector import BlobDetector
from ..running_node import RED_AND_GREEN
from ..watched_reader import write_video


def run_node(url: str, options: ClipOptions) -> list[DetectionMessage]:
    """A whole run of a node over one clip."""
    source = SourceOptions("door", url, object_events=("appear", "disappear"), pace="realtime")
    listening = PublisherOptions("tcp://127.0.0.1:*")
    node = NodeOptions("bench", (source,), publisher=listening, events=EventStoreOptions(None), clips=options)
    messages: list[DetectionMessage] = []
    with Publisher(listening, "bench") as publisher, closing(BlobDetector()) as detector:
        Pipeline(node, detector, RED_AND_GREEN, publisher, messages.append).run(threading.Event())
    return messages


def decoded(path: Path) -> list[float]:
    """The times of all frames; the first must be a key frame, and none may be damaged."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert frames[0].key_frame
    assert not any(frame.is_corrupt for frame in frames)
    return [frame.time for frame in frames]


def test_an_event_gets_a_clip_that_begins_before_it(clip: str, tmp_path: Path) -> None:
    run_node(clip, ClipOptions(tmp_path, before_s=0.2, after_s=0.5))

    paths = sorted(tmp_path.glob("*.mp4"))
    assert paths
    for path in paths:
        times, beside = decoded(path), json.loads(path.with_suffix(".json").read_text())
        assert times[0] == 0.0
        assert beside["events"]
        for event in beside["events"]:
            assert event["kind"] == "appear"
            assert 0.0 <= event["at_s"] <= times[-1] + 0.2
        assert beside["tracks"][0]["at_s"] >= 0.0
        assert {"id", "phrase", "score", "box_xyxy", "state"} == set(beside["tracks"][-1]["tracks"][0])
        assert times[-1] == pytest.approx(beside["seconds"], abs=0.2)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json"] * len(paths) + [".mp4"] * len(paths)


def packets_of(path: Path, ring: PacketRing) -> list[Any]:
    """Put all packets of a file into a ring, whose template then outlives the file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        ring.begin(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
    for packet in packets:
        ring.add(packet)
    return packets


def test_a_ring_begins_with_a_key_frame_and_keeps_to_its_bounds(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", pictures=200)  # 10 s, a key frame each half second
    by_time, by_size = PacketRing(1 << 30, 3.0), PacketRing(3000, 1e9)

    packets = packets_of(path, by_time)
    for packet in packets_of(path, by_size):
        assert packet.size
        assert by_size.size_bytes <= 3000

    kept = by_time.since(0)
    assert kept[0].is_key
    assert 3.0 <= kept[-1].at_s - kept[0].at_s <= 4.1
    assert len(kept) < len(packets)
    start = by_time.start_for(kept[-1].at_s - 1.2)
    assert start is not None
    assert start.is_key
    assert kept[-1].at_s - 1.8 <= start.at_s <= kept[-1].at_s - 1.2


def test_a_ring_keeps_the_first_key_frame_of_a_camera_that_states_its_time_late(tmp_path: Path) -> None:
    ring = PacketRing(1 << 30, 100.0)
    with av.open(str(write_video(tmp_path / "a.mp4", pictures=30))) as container:
        stream = container.streams.video[0]
        ring.begin(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
    times = [packet.pts or 0 for packet in packets]
    packets[0].pts = packets[0].dts = None
    for packet in packets:
        ring.add(packet)

    kept = ring.since(0)
    assert [one.is_key for one in kept[:2]] == [True, False]
    assert len(kept) == len(packets)
    assert (kept[0].packet.pts or 0) < min(times[1:])
    assert ring.template is not None
    file = ClipFile(tmp_path / "clip.mp4", ring.template, kept[0])
    for one in kept:
        file.add(one)
    file.finish()
    assert len(decoded(tmp_path / "clip.mp4")) >= len(packets) - 1


def test_a_clip_of_reordered_pictures_plays_from_any_key_frame(tmp_path: Path) -> None:
    ring = PacketRing(1 << 30, 100.0)
    packets_of(write_video(tmp_path / "a.mp4", pictures=60), ring)
    for number, first in enumerate([kept for kept in ring.since(0) if kept.is_key][:4]):
        assert ring.template is not None
        file = ClipFile(tmp_path / f"clip-{number}.mp4", ring.template, first)
        for kept in ring.since(first.number):
            file.add(kept)
        file.finish()

        times = decoded(tmp_path / f"clip-{number}.mp4")
        assert len(times) == 60 - 10 * number
        assert times == sorted(times)


def test_the_oldest_clips_make_room_and_other_files_stay(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, max_bytes=2500, max_days=30)
    (tmp_path / "mine.mp4").write_bytes(bytes(9000))
    for number in range(5):
        path = folder.new_clip("door", 1_700_000_000_000_000_000)
        path.write_bytes(bytes(900))
        path.with_suffix(".json").write_text("{}")
        os.utime(path, (1.9e9 + number, 1.9e9 + number))
    folder.remove_old()

    left = sorted(path.name for path in tmp_path.glob("door_*.mp4"))
    assert left == ["door_20231114T221320.000Z-3.mp4", "door_20231114T221320.000Z-4.mp4"]
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert (tmp_path / "mine.mp4").exists()


def test_a_full_disk_ends_clips_with_a_warning_and_nothing_else(
    clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    warnings: list[str | None] = []
    close = ClipRecorder.close

    def note_and_close(recorder: ClipRecorder, wait_s: float) -> None:
        close(recorder, wait_s)
        warnings.append(recorder.warning)

    def on_full_disk(_folder: ClipFolder, _source: str, _unix_ns: int) -> Path:
        (tmp_path / ".full.mp4.part").symlink_to(full)  # where the file is written before it is moved
        return tmp_path / "full.mp4"

    monkeypatch.setattr(ClipRecorder, "close", note_and_close)
    monkeypatch.setattr(ClipFolder, "new_clip", on_full_disk)
    messages = run_node(clip, ClipOptions(tmp_path, before_s=0.2, after_s=0.2))

    assert len(messages) > 10
    assert "clips are not written" in (warnings[0] or "")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ClipError, match="name another"):
        ClipRecorder(ClipOptions(tmp_path / "file"))
