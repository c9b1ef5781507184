"""A folder through a whole node: unrelated pictures, or the frames of a video."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from groundcast.stream.options import FolderKind, SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage

from ..blob_detector import BlobDetector
from ..running_node import Node


def write_blob(path: Path, *, shown: bool = True) -> None:
    """A red square on grey, always at the same place, or the grey alone."""
    image = np.full((120, 160, 3), 90, np.uint8)
    if shown:
        image[40:80, 60:100] = (30, 30, 220)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(1, 12):
        write_blob(tmp_path / f"shelf {number}.png", shown=number not in (5, 6))
    return tmp_path


def messages_of(folder: Path, kind: FolderKind) -> list[DetectionMessage]:
    with closing(BlobDetector()) as blobs, Node(blobs, SourceOptions("shelf", str(folder), folder=kind)) as node:
        return node.listen_to_the_end()


def test_tracks_do_not_go_on_from_one_picture_to_the_next(folder: Path) -> None:
    messages = messages_of(folder, "pictures")
    tracks = [track for message in messages for track in message.tracks]
    assert [len(message.tracks) for message in messages] == [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]
    assert len({track.uid for track in tracks}) == 9
    assert {(track.state, track.age_s, track.misses) for track in tracks} == {("matched", 0.0, 0)}
    assert all(track.box_xyxy == pytest.approx(track.detected_xyxy) for track in tracks)


def test_the_pictures_of_a_video_are_tracked_as_its_frames(folder: Path) -> None:
    states = [[track.state for track in message.tracks] for message in messages_of(folder, "video")]
    assert states == [["tentative"]] * 2 + [["matched"]] * 2 + [["coasting"]] * 2 + [["matched"]] * 5


@pytest.mark.parametrize("kind", ["pictures", "video"])
def test_a_message_names_the_file_that_it_speaks_about(folder: Path, kind: FolderKind) -> None:
    (folder / "shelf 2.png").write_bytes(b"no picture")
    write_blob(Path(os.fsdecode(os.fsencode(folder) + b"/shelf 12 \xe9.png")))  # a name that is not UTF-8
    files = [message.frame.file for message in messages_of(folder, kind)]
    assert files == [f"shelf {number}.png" for number in (1, *range(3, 12))] + ["shelf 12 \ufffd.png"]


def test_the_status_names_the_pictures_that_cannot_be_read(folder: Path) -> None:
    for number in range(2, 9):
        (folder / f"shelf {number}.png").write_bytes(b"no picture")
    with closing(BlobDetector()) as blobs, Node(blobs, SourceOptions("shelf", str(folder))) as node:
        messages = node.listen_to_the_end()
        status = node.last_status("shelf")
    said = "cannot be read: shelf 2.png, shelf 3.png, shelf 4.png, shelf 5.png, shelf 6.png and 2 more"
    assert (len(messages), status.corrupt) == (4, 7)
    assert status.ended == f"7 of 11 pictures in {folder} {said}"
    assert node.summary.sources[0].error == status.ended


@pytest.mark.parametrize(("name", "moves"), [("scan.tif", False), ("moving.webp", True), ("moving.gif", True)])
def test_pages_are_looked_at_one_by_one_and_an_animation_is_tracked(name: str, moves: bool, tmp_path: Path) -> None:
    write_blob(tmp_path / "blob.png")
    with Image.open(tmp_path / "blob.png") as picture:
        frames = [picture.convert("RGB") for _ in range(4)]
    for number, frame in enumerate(frames):
        frame.paste((80 * number,) * 3, (0, 0, 16, 16))  # or equal ones would be shown as one, for longer
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=40)
    states = [[track.state for track in message.tracks] for message in messages_of(tmp_path / name, "pictures")]
    assert states == ([["tentative"]] * 2 + [["matched"]] * 2 if moves else [["matched"]] * 4)


def test_a_picture_by_itself_is_found_at_once(folder: Path) -> None:
    (message,) = messages_of(folder / "shelf 1.png", "pictures")
    assert [track.state for track in message.tracks] == ["matched"]
