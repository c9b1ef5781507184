"""The journal of a survey: one line a file, whatever stops the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcast.launch.exits import InputError
from groundcast.launch.survey.entry import FileEntry, FoundBox, FrameEntry
from groundcast.launch.survey.journal import Journal

SETTINGS = {"prompt": "fox"}
BOX = FoundBox("fox", 0.5, (1.0, 2.0, 3.0, 4.5))


def an_entry(path: str, failure: str | None = None) -> FileEntry:
    frames = () if failure else (FrameEntry(3, 0.25, 640, 480, (BOX,)),)
    return FileEntry(path, is_clip=True, frames=frames, taken=None, rate_hz=25.0, failure=failure)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    entry = an_entry(str(tmp_path / "a\udce9.mp4"))
    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        journal.add(entry)

    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        assert list(journal.entries([entry.path, "unknown"])) == [entry]
        assert journal.is_done(entry.path)


def test_of_two_lines_for_one_file_the_later_counts(tmp_path: Path) -> None:
    path = str(tmp_path / "a.mp4")
    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        journal.add(an_entry(path, failure="broken"))
        assert not journal.is_done(path)
        journal.add(an_entry(path))

    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        assert list(journal.entries([path])) == [an_entry(path)]
        assert journal.is_done(path)


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        for name in "ab":
            journal.add(an_entry(name))
    whole = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(whole[:-10] + b"\0" * 30)

    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        assert (journal.is_done("a"), journal.is_done("b")) == (True, False)
        journal.add(an_entry("b"))

    assert (tmp_path / "j").read_bytes() == whole


def test_only_one_run_writes(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "j", SETTINGS, overwrite=False),
        pytest.raises(InputError, match="written by another run"),
    ):
        Journal(tmp_path / "j", SETTINGS, overwrite=True)


@pytest.mark.parametrize("content", [b'{"some": "file"}\n', b'{"groundcast_survey":1,"prompt":"fox"}\n{"path":"a"}\n'])
def test_a_file_of_another_kind_is_not_written_to(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)

    with pytest.raises(InputError):
        Journal(tmp_path / "j", SETTINGS, overwrite=False)
    assert (tmp_path / "j").read_bytes() == content


def test_a_result_is_read_at_once_and_not_byte_by_byte(tmp_path: Path) -> None:
    calls = Path("/proc/self/io")
    if not calls.exists():
        pytest.skip("this system does not count reads")
    paths = [f"{number}.mp4" for number in range(30)]

    def reads() -> int:
        return int(calls.read_text().split("syscr: ")[1].split("\n")[0])

    with Journal(tmp_path / "j", SETTINGS, overwrite=False) as journal:
        for path in paths:
            journal.add(an_entry(path))
        before = reads()
        assert len(list(journal.entries(paths))) == 30
        assert reads() - before < 300  # a byte at a time would be 4,000


def test_a_journal_without_results_takes_other_settings(tmp_path: Path) -> None:
    path, picture = tmp_path / "j", tmp_path / "a.png"
    picture.write_bytes(b"picture")
    Journal(path, {"model": "wrong"}, overwrite=False).close()  # the command failed before its first result

    with Journal(path, {"model": "right"}, overwrite=False) as journal:
        journal.add(an_entry(str(picture)))

    with Journal(path, {"model": "right"}, overwrite=False) as again:
        assert again.is_done(str(picture))
    with pytest.raises(InputError, match="model 'right' is now 'other'"):
        Journal(path, {"model": "other"}, overwrite=False)
