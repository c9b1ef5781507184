from __future__ import annotations

from pathlib import Path

import pytest

from ..watched_reader import read_all, write_picture


def test_a_folder_is_read_in_the_order_in_which_a_person_counts(tmp_path: Path) -> None:
    for number, suffix in ((1, ".png"), (2, ".jpg"), (10, ".bmp"), (9, ".png")):
        write_picture(tmp_path / f"trap {number}{suffix}", 10 * number, width=40 + number)
    write_picture(tmp_path / "²0.png", 110, width=51)  # a digit that stands for no number
    (tmp_path / "notes.txt").write_text("left alone")
    frames, stats = read_all(tmp_path)
    assert [frame.width - 40 for frame in frames] == [1, 2, 9, 10, 11]
    assert [int(frame.rgb.mean()) for frame in frames] == pytest.approx([10, 20, 90, 100, 110], abs=3)
    assert (stats.state, stats.error, stats.corrupt) == ("ended", None, 0)


def test_pictures_that_cannot_be_read_are_counted_and_the_others_still_come(tmp_path: Path) -> None:
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", 50)
    (tmp_path / "1.png").write_bytes(b"no picture")
    (tmp_path / "3.jpg").touch()
    frames, stats = read_all(tmp_path)
    assert len(frames) == 2
    assert stats.corrupt == 2
    assert stats.error is not None
    assert "2 of 4 pictures" in stats.error
    assert stats.error.endswith("cannot be read: 1.png, 3.jpg")


def test_a_single_picture_with_a_percent_sign_in_its_name_is_one_frame(tmp_path: Path) -> None:
    write_picture(tmp_path / "shelf%03d.png", 120)
    frames, stats = read_all(tmp_path / "shelf%03d.png")
    assert [int(frame.rgb.mean()) for frame in frames] == [120]
    assert stats.state == "ended"
