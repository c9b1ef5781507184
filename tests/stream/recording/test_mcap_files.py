"""A recording as a file: what is written is what is read, however the writing ended."""

# msgpack leaves its types open.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import msgpack
import pytest
from mcap.reader import make_reader
from mcap.writer import Writer

from groundcast.stream.recording import mcap_index, mcap_writer
from groundcast.stream.recording.format import Recorded, RecordingReadError, RecordingWriteError
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.recording.mcap_writer import McapWriter
from groundcast.stream.recording.rotation import RotatingRecording, RotationOptions
from groundcast.stream.wire.message import encode
from groundcast.stream.wire.packing import pack, unpack
from groundcast.stream.wire.topics import MessageError

from ..spoken import DET, IMG, JPEG, SYS, detections, header, status

ABOUT = {"version": "0", "address": "tcp://127.0.0.1:5570"}


@pytest.fixture
def chunk_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message is flushed at once, in a chunk of its own."""
    monkeypatch.setattr(mcap_writer, "FLUSH_S", 0.0)


def write(path: Path, count: int) -> list[Recorded]:
    """A recording of `count` detections."""
    file = McapWriter(path, ABOUT)
    written = [file.put(DET, [encode(detections(seq))], 10**18 + seq, seq) for seq in range(1, count + 1)]
    file.close()
    return written


def test_a_whole_recording_is_not_called_torn_where_reading_stopped_early(tmp_path: Path) -> None:
    file = McapWriter(tmp_path / "a.mcap", ABOUT)
    for seq in (1, 2):
        file.put(DET, [encode(detections(seq))], 5, seq)
    file.close()
    reader = McapReader(tmp_path / "a.mcap")
    next(iter(reader))
    assert not reader.torn


def test_what_travelled_is_what_is_read(tmp_path: Path) -> None:
    newer = pack({**unpack(encode(detections(1))), "a key of a later version": [1, 2.5, b"\0", None]})  # type: ignore[dict-item]
    file = McapWriter(tmp_path / "a.mcap", ABOUT)

    written = [
        file.put(SYS, [encode(status(0))], 5, 0),
        file.put(DET, [newer], 6, 1),
        file.put(DET, [b"\xc1 not msgpack"], None, 0),
        file.put(IMG, [encode(header(1)), JPEG], None, 1),
    ]
    file.close()

    reader = McapReader(tmp_path / "a.mcap")
    assert list(reader) == written
    assert (reader.torn, reader.damaged) == (False, 0)
    assert written[3].parts == (encode(header(1)), JPEG)
    assert written[3].published_unix_ns == written[3].received_unix_ns
    assert reader.about["address"] == ABOUT["address"]


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    write(tmp_path / "a.mcap", 3)

    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file)
        found = list(reader.iter_messages())
        about = {record.name: record.metadata for record in reader.iter_metadata()}

    schema, channel, message = found[2]
    assert schema is not None
    assert (channel.topic, channel.message_encoding, schema.encoding) == (DET.decode(), "msgpack", "jsonschema")
    assert channel.metadata == {"node": "bench", "source": "wrist"}
    assert json.loads(schema.data)["title"] == "groundcast detections"
    assert (message.sequence, message.publish_time) == (3, 10**18 + 3)
    assert msgpack.unpackb(message.data)["seq"] == 3
    assert about["groundcast"]["address"] == ABOUT["address"]


@pytest.mark.usefixtures("chunk_each")
def test_a_file_cut_off_anywhere_is_read_up_to_its_last_whole_chunk(tmp_path: Path) -> None:
    whole = tmp_path / "a.mcap"
    written = write(whole, 12)
    data = whole.read_bytes()
    cut = tmp_path / "cut.mcap"

    counts: list[int] = []
    for size in [*range(0, len(data), 107), len(data) - 1]:
        cut.write_bytes(data[:size])
        reader = McapReader(cut)
        read = list(reader)
        assert reader.torn, size
        assert reader.damaged == 0
        assert read == written[: len(read)]
        counts.append(len(read))

    assert counts == sorted(counts)
    assert set(counts) == set(range(13))


def rewrite(path: Path, messages: list[Recorded], *, chunk_size: int, use_chunking: bool = True) -> Path:
    """The messages in the order given, as another program may write them."""
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=chunk_size, use_chunking=use_chunking)
        writer.start()
        channels: dict[bytes, int] = {}
        for message in messages:
            if message.topic not in channels:
                channels[message.topic] = writer.register_channel(message.topic.decode(), "msgpack", 0)
            channel, heard_ns = channels[message.topic], message.received_unix_ns
            writer.add_message(channel, heard_ns, message.parts[0], message.published_unix_ns)
        writer.add_metadata("groundcast", dict(ABOUT))
        writer.finish()
    return path


@pytest.mark.parametrize("use_chunking", [True, False])
@pytest.mark.parametrize("chunk_size", [100, 10**6])
@pytest.mark.parametrize("order", ["as heard", "reversed", "shuffled", "statuses first"])
def test_messages_come_in_the_order_of_log_time_however_they_lie(
    tmp_path: Path, order: str, chunk_size: int, use_chunking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcap_index, "_RUN_BYTES", chunk_size)
    heard = [
        Recorded(*((SYS, (encode(status(seq)),)) if seq % 4 == 0 else (DET, (encode(detections(seq)),))), seq, seq)
        for seq in range(1, 25)
    ]
    stored = {
        "as heard": heard,
        "reversed": heard[::-1],
        "shuffled": random.Random(0).sample(heard, len(heard)),
        "statuses first": sorted(heard, key=lambda one: one.topic != SYS),
    }[order]

    path = rewrite(tmp_path / "other.mcap", stored, chunk_size=chunk_size, use_chunking=use_chunking)
    reader = McapReader(path)

    assert list(reader) == heard
    assert (reader.torn, reader.damaged) == (False, 0)
    assert reader.about["address"] == ABOUT["address"]
    path.write_bytes(path.read_bytes()[:-40])  # without the end of the index
    assert list(reader) == heard
    assert reader.torn


@pytest.mark.parametrize("size", [-1, 0.4])
def test_a_file_without_chunks_that_was_cut_off_is_read_up_to_its_last_whole_message(
    tmp_path: Path, size: float
) -> None:
    heard = [Recorded(DET, (encode(detections(seq)),), seq, seq) for seq in range(1, 25)]
    path = rewrite(tmp_path / "other.mcap", heard, chunk_size=1, use_chunking=False)
    data = path.read_bytes()
    path.write_bytes(data[: int(size * len(data)) if size > 0 else -1])
    reader = McapReader(path)
    read = list(reader)
    assert read == heard[: len(read)]
    assert len(read) == 24 if size < 0 else 5 < len(read) < 24
    assert (reader.torn, reader.damaged) == (True, 0)


@pytest.mark.usefixtures("chunk_each")
def test_a_damaged_part_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    written = write(path, 9)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF

    path.write_bytes(data)

    reader = McapReader(path)
    read = list(reader)
    assert not reader.torn
    assert reader.damaged == 1
    assert len(read) == 8
    assert set(read) < set(written)


@pytest.mark.usefixtures("chunk_each")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_no_flipped_byte_breaks_the_reader(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "a.mcap"
    written = set(write(path, 9))
    data = path.read_bytes()

    for at in range(8 + seed, len(data), 97):
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
        assert set(McapReader(path)) <= written, at


def test_what_was_written_a_second_ago_is_in_the_file(tmp_path: Path) -> None:
    file = McapWriter(tmp_path / "a.mcap", ABOUT)
    written = [file.put(DET, [encode(detections(seq))], None, seq) for seq in range(1, 6)]
    assert list(McapReader(tmp_path / "a.mcap")) == []

    time.sleep(1.01)
    file.flush_when_due()

    reader = McapReader(tmp_path / "a.mcap")
    assert list(reader) == written
    assert reader.torn
    file.close()
    assert list(reader) == written
    assert not reader.torn


def test_setting_the_wall_clock_does_not_move_what_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = McapWriter(tmp_path / "a.mcap", ABOUT)
    true_ns = time.time_ns
    heard: list[int] = []

    for step_s in (0, 3600, -3600):
        monkeypatch.setattr(time, "time_ns", lambda step_s=step_s: true_ns() + step_s * 10**9)
        heard.append(file.put(DET, [b"\x80"], None, 0).received_unix_ns)
    file.close()

    assert heard == sorted(heard)
    assert abs(heard[2] - true_ns()) < 60 * 10**9


def test_what_is_no_recording_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "film").write_bytes(b"\0\0\0\x18ftypmp42 a film")

    for name, said in (("missing", "No such file"), ("folder", "Is a directory"), ("film", "is not a recording")):
        with pytest.raises(RecordingReadError, match=said):
            McapReader(tmp_path / name)


def test_what_has_no_place_in_a_recording_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = McapWriter(tmp_path / "a.mcap", ABOUT)

    for topic, parts in ((b"det/2/bench/wrist/", [b""]), (DET, [b"", b""]), (IMG, [b""]), (b"\xff\xfe", [b""])):
        with pytest.raises(MessageError):
            file.put(topic, parts, None, 0)
    kept = file.put(DET, [b"\x80"], None, 2**40)
    file.close()

    assert list(McapReader(tmp_path / "a.mcap")) == [kept]


@pytest.fixture
def large() -> bytes:
    """A body that does not shrink."""
    return random.Random(1).randbytes(100_000)


@pytest.mark.usefixtures("chunk_each")
def test_a_large_file_is_followed_by_another(tmp_path: Path, large: bytes) -> None:
    recording = RotatingRecording(tmp_path / "a.mcap", RotationOptions(rotate_bytes=250_000), ABOUT)

    written = [recording.put(DET, [large], None, seq) for seq in range(1, 9)]
    recording.close()

    assert [path.name for path in recording.files] == ["a.mcap", "a-0002.mcap", "a-0003.mcap"]
    readers = sorted((McapReader(path) for path in recording.files[::-1]), key=lambda reader: reader.order)
    assert [message for reader in readers for message in reader] == written
    assert not any(reader.torn for reader in readers)
    assert all(path.stat().st_size < 400_000 for path in recording.files)


def test_an_old_file_is_followed_by_another(tmp_path: Path) -> None:
    recording = RotatingRecording(tmp_path / "a.mcap", RotationOptions(rotate_s=0.05), ABOUT)

    for seq in (1, 2, 3):
        recording.put(DET, [b"\x80"], None, seq)
        time.sleep(0.06)
    recording.close()

    assert [len(list(McapReader(path))) for path in recording.files] == [1, 1, 1]


@pytest.mark.parametrize(
    "options",
    [RotationOptions(rotate_bytes=100_000, keep=3), RotationOptions(rotate_bytes=100_000, max_bytes=350_000)],
)
@pytest.mark.usefixtures("chunk_each")
def test_the_oldest_files_make_room(tmp_path: Path, large: bytes, options: RotationOptions) -> None:
    other = tmp_path / "b-0001.mcap"  # of another program
    other.touch()
    recording = RotatingRecording(tmp_path / "a.mcap", options, ABOUT)

    for seq in range(1, 9):
        recording.put(DET, [large], None, seq)
        recording.flush_when_due()
    recording.close()

    assert recording.removed == 5
    assert sorted(tmp_path.iterdir()) == sorted([*recording.files, other])
    assert [path.name for path in recording.files] == ["a-0006.mcap", "a-0007.mcap", "a-0008.mcap"]


@pytest.mark.parametrize("name", ["a.mcap", "a-0002.mcap"])
def test_nothing_is_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")

    with pytest.raises(RecordingWriteError, match=f"{name} is there already"):
        RotatingRecording(tmp_path / "a.mcap", RotationOptions(), ABOUT)

    assert (tmp_path / name).read_text() == "precious"


@pytest.mark.usefixtures("chunk_each")
def test_a_file_that_cannot_be_followed_by_another_is_counted_once(tmp_path: Path, large: bytes) -> None:
    recording = RotatingRecording(tmp_path / "a.mcap", RotationOptions(rotate_bytes=100_000), ABOUT)
    recording.put(DET, [large], None, 1)
    (tmp_path / "a-0002.mcap").touch()

    with pytest.raises(RecordingWriteError, match="cannot be created"):
        recording.put(DET, [large], None, 2)

    assert recording.files == [tmp_path / "a.mcap"]
    assert recording.size_bytes == (tmp_path / "a.mcap").stat().st_size


def test_a_forged_number_sorts_as_none(tmp_path: Path) -> None:
    McapWriter(tmp_path / "a.mcap", {**ABOUT, "recording": "9" * 5000, "file": "2"}).close()

    assert McapReader(tmp_path / "a.mcap").order == (0, 2)
