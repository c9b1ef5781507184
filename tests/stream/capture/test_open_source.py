from __future__ import annotations

from pathlib import Path

import pytest

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError

from ..watched_reader import read_all, write_video


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "notes.txt").write_text("this is no video\n" * 100)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.mp4", "does not exist"),
        ("empty.mp4", "is empty"),
        ("text.mp4", "cannot be read as a video"),
        ("notes.txt", "not a video"),
        ("folder", "folder without pictures"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_at_once_in_one_sentence(odd_files: Path, name: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        check_source(SourceOptions("file", str(odd_files / name)))
    assert isinstance(caught.value, ConnectionError)
    assert str(odd_files / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sound_file_passes_and_so_does_a_camera_that_is_not_there(tmp_path: Path) -> None:
    check_source(SourceOptions("file", str(write_video(tmp_path / "clip.mp4"))))
    check_source(SourceOptions("camera", "rtsp://127.0.0.1:1/live"))
    check_source(SourceOptions("test", "lavfi:testsrc=size=64x48"))


def test_a_filter_that_is_none_is_refused() -> None:
    with pytest.raises(SourceError, match="not a filter"):
        check_source(SourceOptions("test", "lavfi:no_such_filter"))


def test_a_reader_of_a_file_that_is_gone_fails_with_the_reason(tmp_path: Path) -> None:
    frames, stats = read_all(tmp_path / "gone.mp4")
    assert not frames
    assert stats.state == "failed"
    assert stats.error is not None
    assert "does not exist" in stats.error
