"""`groundcast listen`: what a node sends, printed, stored and drawn."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import io
import json
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from rich.console import Console

from groundcast.launch.show.message_table import MessageTable
from groundcast.model.masks.mask import Mask, mask_of
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.track import Track
from groundcast.stream.track_mask import TrackMask
from groundcast.stream.wire.message_types import (
    DetectionMessage,
    FrameInfo,
    MaskMessage,
    ModelInfo,
    PictureHeader,
    PromptInfo,
    StatusMessage,
)

from .commands import in_process
from .conftest import full_disk, red_square

MUG = Track(7, "u-7", "red mug", 0.9, (50, 40, 80, 70), (50, 40, 80, 70), "matched", None, None, 0.5, 0, (0, 0))
MESSAGE = DetectionMessage(
    node="bench",
    source="wrist",
    epoch=1,
    generation=1,
    seq=1,
    frame=FrameInfo(0, 160, 120, "file"),
    model=ModelInfo("blobs", "uint8", "mean"),
    prompt=PromptInfo(1, "0" * 16, ("red mug",)),
    tracks=(MUG,),
    published_unix_ns=1,
    published_monotonic_ns=1,
)
ENDED = StatusMessage(
    node="bench", source="wrist", epoch=1, generation=1, seq=3, state="ended", published_unix_ns=1, ended="end of file"
)


def _corner() -> Mask:
    """A mask of grey pixels, away from the square."""
    pixels = np.zeros((120, 160), np.bool_)
    pixels[90:110, 10:40] = True
    mask = mask_of(pixels, 0.9)
    assert mask is not None
    return mask


CORNER = _corner()
MASKS = MaskMessage(
    node="bench",
    source="wrist",
    epoch=1,
    generation=1,
    seq=1,
    published_unix_ns=1,
    masker="drawn",
    masks=(TrackMask(7, CORNER.size_hw, CORNER.counts, CORNER.area_px, CORNER.quality, CORNER.box_xyxy),),
)


@contextmanager
def speaking_node(
    *, pictures: bool = False, broken: Sequence[int] = (), phrase: str = "red mug", masks: bool = False
) -> Generator[str]:
    """A node that says three things to its first listener, and then that its source has ended.

    Args:
        broken: the messages whose pictures are none.
    """
    message = replace(MESSAGE, tracks=(replace(MUG, phrase=phrase),), prompt=replace(MESSAGE.prompt, phrases=(phrase,)))
    over = threading.Event()

    def speak(publisher: Publisher) -> None:
        publisher.wait_for_subscriber(60, over.is_set)
        for seq in (1, 2, 3):
            stamp = MESSAGE.published_monotonic_ns + seq * 10**8
            publisher.send_detections(replace(message, seq=seq, published_monotonic_ns=stamp))
            if pictures:
                jpeg = cv2.imencode(".jpg", red_square(50)[..., ::-1])[1].tobytes()
                jpeg = b"\xff\xd8 no picture" if seq in broken else jpeg
                publisher.send_picture(
                    PictureHeader(node="bench", source="wrist", epoch=1, generation=1, seq=seq), jpeg
                )
            if masks:
                publisher.send_masks(replace(MASKS, seq=seq))
        publisher.send_status(ENDED)

    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), "bench") as publisher:
        speaker = threading.Thread(target=speak, args=(publisher,))
        speaker.start()
        try:
            yield publisher.address
        finally:
            over.set()
            speaker.join()


def test_every_message_can_be_had_as_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    with speaking_node() as address:
        ended = in_process(capsys, "listen", address, "--jsonl", "--timeout-s", "60")

    messages = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert [message["seq"] for message in messages] == [1, 2, 3]
    assert messages[0]["tracks"][0]["phrase"] == "red mug"


def test_without_a_terminal_a_source_gets_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with speaking_node() as address:
        ended = in_process(capsys, "listen", address, "--every", "--count", "2", "--timeout-s", "60")

    assert ended.out.startswith("wrist seq 1, ")
    assert ended.out.rstrip().endswith("red mug #7 at 50 40 80 70")


def test_pictures_become_a_video_with_their_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "seen.mp4"

    with speaking_node(pictures=True) as address:
        ended = in_process(capsys, "listen", address, "--draw", target, "--json", "--timeout-s", "60")

    figures = json.loads(ended.out)
    assert (figures["messages"], figures["gaps"]) == (3, 0)
    with av.open(str(target)) as video:
        frames = list(video.decode(video=0))
    assert [round(frame.time or 0.0, 2) for frame in frames] == [0.0, 0.1, 0.2]


def test_masks_are_printed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with speaking_node(masks=True) as address:
        printed = in_process(capsys, "listen", address, "--jsonl", "--masks", "--timeout-s", "60")
    with speaking_node(pictures=True, masks=True) as address:
        in_process(capsys, "listen", address, "--draw", tmp_path / "seen.mp4", "--masks", "--timeout-s", "60")

    (mask,) = json.loads(printed.out.splitlines()[0])["masks"]
    assert (mask["track_id"], mask["area_px"], mask["rle"]) == (7, 600, CORNER.counts.decode())
    with av.open(str(tmp_path / "seen.mp4")) as video:
        frame = next(video.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    inside, outside = frame[95:105, 15:35].mean((0, 1)), frame[95:105, 120:140].mean((0, 1))
    assert inside[0] - inside[2] > 40  # tinted in the red that the phrase names
    assert abs(outside[0] - outside[2]) < 20


def test_a_picture_that_is_none_is_left_out_of_the_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "seen.mp4"

    with speaking_node(pictures=True, broken=(1, 3)) as address:
        ended = in_process(capsys, "listen", address, "--draw", target, "--json", "--timeout-s", "60")

    assert (ended.code, json.loads(ended.out)["messages"]) == (0, 3)
    assert ended.sentence.startswith("2 pictures could not be decoded")
    with av.open(str(target)) as video:
        assert len(list(video.decode(video=0))) == 1


def test_a_video_on_a_full_disk_ends_listening_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk(), speaking_node(pictures=True) as address:
        ended = in_process(capsys, "listen", address, "--draw", tmp_path / "seen.mp4", "--timeout-s", "60")

    assert ended.code == 1
    assert "seen.mp4 cannot be written any further (File too large): make room" in ended.sentence


def test_a_phrase_that_looks_like_markup_or_moves_the_cursor_is_printed_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with speaking_node(phrase="[/x]\x1b[2J\nmug") as address:
        ended = in_process(capsys, "listen", address, "--every", "--count", "1", "--timeout-s", "60")
        board = MessageTable()
        board.show(replace(MESSAGE, tracks=(replace(MUG, phrase="[/x]\x1b[2J\nmug"),)))
    console = Console(file=io.StringIO(), width=80)
    console.print(board._table())

    assert "[/x] [2J mug #7" in ended.out
    assert "[/x] [2J mug" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in ended.out


def test_no_figure_is_cut_in_a_terminal_of_80_columns() -> None:
    far = replace(MUG, id=123456, phrase="a person without a helmet", box_xyxy=(1180, 1170, 1380, 1070))
    board = MessageTable()
    board.show(replace(MESSAGE, source="loading-dock-west", seq=1234567, tracks=(far,)))
    console = Console(file=io.StringIO(), width=80)
    console.print(board._table())
    shown = console.file.getvalue()  # type: ignore[attr-defined]

    assert "…" not in shown
    for figure in ("1234567", "123456 ", "0.90", "1180 1170 1380 1070", "matched"):
        assert figure in shown


def test_silence_is_a_failure_when_a_limit_was_set(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "listen", "tcp://127.0.0.1:9", "--timeout-s", "0.2")

    assert ended.code == 1
    assert ended.sentence.endswith("is a node running there?")


def test_an_address_that_cannot_be_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "listen", "here")

    assert ended.code == 2
    assert "'here'" in ended.sentence
