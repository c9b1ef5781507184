"""`groundcast record`: what a node sends ends up in files, whatever ends the recorder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from groundcast.stream.events.stored import EventFilter, StoredEvents
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.wire.header import read_position

from ..stream.key_folder import hand_over, make_keys
from ..stream.spoken import ANY_PORT, JPEG, crossing, detections, speaking, status
from ..waiting import eventually
from .commands import as_a_user, in_process


@pytest.fixture
def publisher() -> Generator[Publisher]:
    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher:
        yield publisher


@contextmanager
def recorder(address: str, out: Path, *options: str, most_kib: int | None = None) -> Generator[subprocess.Popen[str]]:
    """The command in a process of its own, which may be forbidden to write larger files than `most_kib`."""
    limit = ["bash", "-c", f'ulimit -f {most_kib}; exec "$@"', "-"] if most_kib else []
    command = [*limit, sys.executable, "-m", "groundcast.launch.cli", "record", address, str(out), "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def seqs_of(reader: McapReader, kind: str = "det") -> list[int]:
    stamps = [read_position(message.topic, message.parts) for message in reader]
    return [stamp.seq for stamp in stamps if stamp.topic.kind == kind]


def test_what_a_node_sends_is_recorded_until_its_sources_end(
    publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.mcap"

    with speaking(publisher, most=30):
        ended = in_process(capsys, "record", publisher.address, out, "--until-ended", "--pictures", "--json")

    figures = json.loads(ended.out)
    reader = McapReader(out)
    assert ended.code == 0
    assert figures["topics"]["det/1/bench/wrist/"]["messages"] == 30
    assert (figures["gaps"], figures["malformed"], figures["files"]) == (0, 0, [str(out)])
    assert seqs_of(reader) == seqs_of(reader, "img") == list(range(1, 31))
    assert {message.parts[1] for message in reader if message.topic.startswith(b"img/")} == {JPEG}
    assert not reader.torn


def test_a_polite_kill_finishes_the_file(publisher: Publisher, tmp_path: Path) -> None:
    out = tmp_path / "a.mcap"

    with speaking(publisher) as sent, recorder(publisher.address, out) as process:
        assert eventually(lambda: len(sent) > 50)
        process.send_signal(signal.SIGTERM)
        figures = json.loads(process.communicate(timeout=60)[0])

    reader = McapReader(out)
    seqs = seqs_of(reader)
    assert process.returncode == 0
    assert not reader.torn
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) == figures["topics"]["det/1/bench/wrist/"]["messages"] > 50


def test_after_a_kill_what_was_flushed_can_be_read(publisher: Publisher, tmp_path: Path) -> None:
    """And all but the last second is flushed: tests/stream/recording/test_mcap_files.py."""
    out = tmp_path / "a.mcap"

    with speaking(publisher), recorder(publisher.address, out) as process:
        assert eventually(lambda: out.exists() and len(seqs_of(McapReader(out))) > 50)
        before = seqs_of(McapReader(out))
        process.kill()

    reader = McapReader(out)
    seqs = seqs_of(reader)
    assert reader.torn
    assert len(seqs) >= len(before)
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_full_disk_ends_the_recorder_alone_with_a_sentence(publisher: Publisher, tmp_path: Path) -> None:
    out = tmp_path / "a.mcap"

    with (
        speaking(publisher) as sent,
        recorder(publisher.address, out, "--pictures", most_kib=24) as process,
    ):
        said = process.communicate(timeout=60)[1]
        before = len(sent)
        assert eventually(lambda: len(sent) > before + 10)

    reader = McapReader(out)
    seqs = seqs_of(reader)
    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert f"{out} cannot be written any further" in said
    assert f"its first {len(list(reader))} messages are safe" in said
    assert reader.torn
    assert reader.damaged == 0
    assert len(seqs) > 0
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_truly_full_is_found_out(publisher: Publisher, tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("no disks can be mounted here")
    try:
        with speaking(publisher, every_s=0.002), recorder(publisher.address, tmp_path / "a.mcap") as process:
            said = process.communicate(timeout=60)[1]
        read = list(McapReader(tmp_path / "a.mcap"))
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert process.returncode == 1
    assert "No space left on device" in said
    assert f"its first {len(read)} messages are safe" in said


def test_events_are_stored_once_over_a_kill_of_the_recorder(
    publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "events.sqlite"

    def stored() -> list[int]:
        with StoredEvents(store) as read:
            return [message.number for message in read.events(EventFilter())]

    def hears(file: Path) -> bool:
        publisher.send_detections(detections(1))
        return file.exists() and bool(seqs_of(McapReader(file)))

    with recorder(publisher.address, tmp_path / "a.mcap", "--events-store", str(store)) as process:
        assert publisher.wait_for_subscriber(60, lambda: False)
        for number in (1, 2, 3):
            publisher.send_event(crossing(number))
        assert eventually(lambda: store.exists() and stored() == [1, 2, 3])
        process.kill()
    with recorder(publisher.address, tmp_path / "b.mcap", "--events-store", str(store)) as process:
        assert eventually(lambda: hears(tmp_path / "b.mcap"))
        for number in (3, 4, 6):
            publisher.send_event(crossing(number))
        assert eventually(lambda: stored() == [1, 2, 3, 4, 6])
        process.send_signal(signal.SIGTERM)
        figures = json.loads(process.communicate(timeout=60)[0])

    assert figures["events"] == {"store": str(store), "stored": 2, "lost": 1}
    shown = in_process(capsys, "events", "counts", "--store", store)
    assert "counts may be wrong since" in shown.out
    (row,) = in_process(capsys, "events", "counts", "--store", store, "--json").out.splitlines()
    assert json.loads(row)["in"] == 5


def test_a_file_that_is_no_store_of_events_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)

    ended = in_process(
        capsys, "record", "tcp://127.0.0.1:9", tmp_path / "a.mcap", "--events-store", tmp_path / "notes.txt"
    )

    assert (ended.code, "notes.txt cannot be opened" in ended.sentence) == (2, True)
    assert not (tmp_path / "a.mcap").exists()


def test_gaps_are_counted(publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.mcap"

    def speak() -> None:
        publisher.wait_for_subscriber(30, lambda: False)
        for seq in (3, 4, 7):
            publisher.send_detections(detections(seq))
        publisher.send_status(status(9, "ended"))

    speaker = threading.Thread(target=speak)
    speaker.start()
    ended = in_process(capsys, "record", publisher.address, out, "--until-ended")
    speaker.join()
    info = in_process(capsys, "replay", "--info", out)

    assert "4 lost" in ended.out
    assert "bench/wrist: 4 messages were lost" in info.out


def test_a_node_that_is_started_again_goes_on_in_the_same_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = PublisherOptions(f"ipc://{tmp_path}/node")

    def speak() -> None:
        for epoch in (1, 2):
            with Publisher(options, "bench") as publisher:
                publisher.wait_for_subscriber(30, lambda: False)
                publisher.send_detections(detections(1, epoch=epoch))
                publisher.send_detections(detections(2, epoch=epoch))
                publisher.send_status(status(2, "ended" if epoch == 2 else "running", epoch=epoch))

    speaker = threading.Thread(target=speak)
    speaker.start()
    ended = in_process(capsys, "record", options.address, tmp_path / "a.mcap", "--until-ended", "--json")
    speaker.join()

    figures = json.loads(ended.out)
    assert figures["nodes"] == {"bench": {"starts": 2}}
    assert figures["gaps"] == 0
    assert seqs_of(McapReader(tmp_path / "a.mcap")) == [1, 2, 1, 2]


def test_an_existing_file_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mcap").write_text("precious")

    ended = in_process(capsys, "record", "tcp://127.0.0.1:9", tmp_path / "a.mcap")

    assert ended.code == 2
    assert "is there already" in ended.sentence
    assert (tmp_path / "a.mcap").read_text() == "precious"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "record", "tcp://127.0.0.1:9", tmp_path / "none" / "a.mcap")

    assert ended.code == 2
    assert f"{tmp_path / 'none' / 'a.mcap'} cannot be created" in ended.sentence


def test_files_follow_each_other(publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--rotate-s", "0.2", "--keep", "3", "--until-ended", "--json")

    with speaking(publisher, most=100):
        ended = in_process(capsys, "record", publisher.address, tmp_path / "a.mcap", *options)

    figures = json.loads(ended.out)
    files = [Path(path) for path in figures["files"]]
    seqs = [seq for path in files for seq in seqs_of(McapReader(path))]
    assert len(files) == 3
    assert figures["removed"] >= 1
    assert sorted(tmp_path.iterdir()) == files
    assert seqs == list(range(seqs[0], 101))
    assert not any(McapReader(path).torn for path in files)


def test_a_node_with_keys_is_recorded_and_replayed_with_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = make_keys(tmp_path / "keys", "recorder")
    own = hand_over(keys, "recorder", tmp_path / "own")
    out, again = tmp_path / "a.mcap", tmp_path / "b.mcap"

    with Publisher(PublisherOptions(ANY_PORT, keys=keys), "bench") as publisher, speaking(publisher, most=10):
        in_process(capsys, "record", publisher.address, out, "--keys", own, "--until-ended")
    with recorder(f"ipc://{tmp_path}/node", again, "--keys", str(own), "--until-ended") as process:
        replay = as_a_user("replay", out, "--speed", "asap", "--keys", keys, "--address", f"ipc://{tmp_path}/node")
        process.communicate(timeout=60)

    assert replay.code == process.returncode == 0
    assert seqs_of(McapReader(out)) == seqs_of(McapReader(again)) == list(range(1, 11))
    assert [message.parts for message in McapReader(out)] == [m.parts for m in McapReader(again)]
