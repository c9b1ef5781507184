"""Decoded YUV pictures: their properties, crops of them, and a node that detects in them."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from groundcast.model.detections import Detections
from groundcast.model.image import DecodedImage, Rgb, rgb_of
from groundcast.stream.decode.rgb_convert import RgbConverter
from groundcast.stream.decode.video import Video
from groundcast.stream.decode.yuv_image import as_decoded
from groundcast.stream.node.roi import crop
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceKind

from ...waiting import eventually
from ..blob_detector import BlobDetector, BlobTicket
from ..running_node import FRAMES, Node

BT2020 = 9


class Blind(BlobDetector):
    """Finds nothing, and looks at nothing."""

    def _answer(self, ticket: BlobTicket) -> None:
        ticket.result = [Detections.none(query.prompt.names) for query in ticket.queries]


def _frame(name: str = "yuv420p", width: int = 64, height: int = 48, space: int = 6, tone: int = 1) -> av.VideoFrame:
    """Noise that changes slowly."""
    drawn = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    image = np.kron(drawn, np.ones((8, 8, 1), np.uint8))[:height, :width]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(
        format=name, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
    )
    frame.colorspace, frame.color_range = space, tone
    frame.time_base = Fraction(1, 25)
    return frame


def _decoded(frame: av.VideoFrame) -> DecodedImage:
    decoded = as_decoded(frame, RgbConverter())
    assert decoded is not None
    return decoded


def _plane(plane: object) -> NDArray[np.uint8]:
    return np.from_dlpack(plane)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("frame", "matrix", "full_range"),
    [
        (_frame(space=1), "bt709", False),
        (_frame(space=5), "bt601", False),
        (_frame(space=6, tone=2), "bt601", True),
        (_frame("yuvj420p", tone=0), "bt601", True),
        (_frame(space=2, tone=0), "bt601", False),
        (_frame(space=2, width=1280, height=720), "bt709", False),
        (_frame("nv12", space=1), "bt709", False),
    ],
)
def test_a_picture_says_how_its_colours_were_made(frame: av.VideoFrame, matrix: str, full_range: bool) -> None:
    decoded = _decoded(frame)
    assert (decoded.matrix, decoded.full_range, decoded.gpu) == (matrix, full_range, None)
    assert decoded.shape == (frame.height, frame.width, 3)


@pytest.mark.parametrize(("name", "halves"), [("yuv420p", [(5, 9), (5, 9)]), ("nv12", [(5, 9, 2)])])
def test_planes_are_those_of_the_decoder(name: str, halves: list[tuple[int, ...]]) -> None:
    frame = _frame(name, 18, 10)
    luma, *colours = (_plane(plane) for plane in _decoded(frame).planes)
    assert [colour.shape for colour in colours] == halves
    padded = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(10, -1)
    assert (luma == padded[:, :18]).all()


def test_odd_sizes_have_colours_for_their_last_pixels() -> None:
    decoded = _decoded(_frame("yuv420p", 17, 9))
    assert [_plane(plane).shape for plane in decoded.planes] == [(9, 17), (5, 9), (5, 9)]


@pytest.mark.parametrize(
    "frame",
    [
        *(_frame(name) for name in ("yuv422p", "yuv444p", "yuv420p10le", "rgb24", "gray", "p010le")),
        _frame(space=BT2020),
        _frame("nv12", 17, 9),
    ],
    ids=lambda frame: f"{frame.format.name}-{frame.width}-{frame.colorspace}",
)
def test_what_is_rare_has_to_be_converted(frame: av.VideoFrame) -> None:
    assert as_decoded(frame, RgbConverter()) is None


def test_who_wants_rgb_has_it_made_once() -> None:
    frame, converter = _frame(), RgbConverter()
    decoded = as_decoded(frame, converter)
    assert decoded is not None
    rgb = rgb_of(decoded)
    assert (rgb == converter.convert(frame)).all()
    assert rgb_of(decoded) is rgb


def test_a_part_keeps_its_planes() -> None:
    decoded = _decoded(_frame())
    whole, part = rgb_of(decoded), crop(decoded, (11, 4, 41, 25))
    assert isinstance(part, DecodedImage)
    assert (part.shape, part.corner_xy, part.planes) == ((21, 30, 3), (11, 4), decoded.planes)
    assert (rgb_of(part) == whole[4:25, 11:41]).all()
    again = part.part(2, 6, 8, 9)
    assert again.corner_xy == (13, 10)
    assert (rgb_of(again) == whole[10:13, 13:19]).all()


def test_a_node_whose_detector_takes_them_says_the_same(clip: str) -> None:
    source = SourceOptions("clip", clip)
    said: list[list[tuple[float, ...]]] = []
    for gpu in (None, 0):
        with closing(BlobDetector(gpu=gpu)) as detector, Node(detector, source) as node:
            messages = node.listen_to_the_end()
            assert len(messages) == FRAMES
            assert detector.kinds == {np.ndarray if gpu is None else DecodedImage}
            said.append([track.box_xyxy for message in messages for track in message.tracks])
    assert said[0] == said[1]


def test_a_part_of_them_is_shown_and_their_pictures_sent(clip: str) -> None:
    source = replace(SourceOptions("clip", clip), pace="realtime", roi_xyxy=(41, 20, 300, 220))
    with closing(BlobDetector(gpu=0)) as detector, Node(detector, source, pictures=True) as node:
        node.listen_to_the_end()
        assert detector.shapes == {(200, 259, 3)}
        assert detector.kinds == {DecodedImage}
        assert node.publisher.pictures == FRAMES


def test_frozen_cameras_are_noticed_where_pictures_are_not_converted() -> None:
    still = SourceOptions("still", "lavfi:color=red:rate=20:size=320x240,format=yuv420p", frozen_after_s=0.5)
    with closing(BlobDetector(gpu=0)) as detector, Node(detector, still, stays=True) as node:
        assert eventually(lambda: "have not changed" in (node.commands.status().sources[0].warning or ""))
        assert detector.kinds == {DecodedImage}


@pytest.mark.parametrize(("name", "kind"), [("yuv420p", "file"), ("yuv420p", "device"), ("rgb24", "device")])
def test_memory_that_a_driver_lends_is_not_held(name: str, kind: SourceKind, tmp_path: Path) -> None:
    path = tmp_path / "raw.nut"
    with av.open(path, "w") as container:
        stream = container.add_stream("rawvideo", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, name
        container.mux(stream.encode(_frame(name)))
    video = Video(SourceOptions("camera", str(path)), lambda _: False, gpu=0)
    video._kind = kind
    image = next(video.pictures()).image()
    video.close()
    assert isinstance(image, DecodedImage if kind == "file" else np.ndarray)
    if name == "rgb24":  # which needs no conversion
        assert isinstance(image, np.ndarray)
        assert image.flags.owndata


def test_a_picture_that_cannot_be_converted_is_looked_at_all_the_same(
    clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Rgb:
        raise FFmpegError(12, "no room")

    source = SourceOptions("cam", "lavfi:testsrc=rate=20:size=320x240:duration=0.5,format=yuv420p")
    with closing(Blind(gpu=0)) as detector, Node(detector, source) as node:
        monkeypatch.setattr(RgbConverter, "convert", fail)
        assert len(node.listen_to_the_end()) > 0
        assert node.summary.sources[0].error is None


def test_rgb_is_itself() -> None:
    image: Rgb = np.zeros((2, 2, 3), np.uint8)
    assert rgb_of(image) is image
