# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""Pictures as a decoder gives them: what they say of themselves, their parts, and a node that takes them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from groundcast.model.image import DecodedImage, Rgb, rgb_of
from groundcast.stream.area import cut_out
from groundcast.stream.colour import RgbConverter
from groundcast.stream.decoded import as_decoded
from groundcast.stream.options import SourceOptions

from ..waiting import eventually
from .blob_detector import BlobDetector
from .running_node import FRAMES, Node

BT2020 = 9


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


def test_a_part_keeps_its_planes_where_colours_are_not_cut_through() -> None:
    decoded = _decoded(_frame())
    whole, part = rgb_of(decoded), cut_out(decoded, (10, 4, 41, 25))
    assert isinstance(part, DecodedImage)
    assert (part.shape, part.corner_xy, part.planes) == ((21, 31, 3), (10, 4), decoded.planes)
    assert (rgb_of(part) == whole[4:25, 10:41]).all()
    assert part.part(2, 6, 8, 9).corner_xy == (12, 10)  # pyright: ignore[reportAttributeAccessIssue]
    odd = cut_out(decoded, (11, 4, 41, 25))
    assert isinstance(odd, np.ndarray)
    assert (odd == whole[4:25, 11:41]).all()


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


@pytest.mark.parametrize(("roi", "kind"), [((40, 20, 300, 220), DecodedImage), ((41, 20, 300, 220), np.ndarray)])
def test_a_part_of_them_is_shown_and_their_pictures_sent(clip: str, roi: tuple[int, ...], kind: type) -> None:
    source = replace(SourceOptions("clip", clip), pace="realtime", roi_xyxy=roi)
    with closing(BlobDetector(gpu=0)) as detector, Node(detector, source, pictures=True) as node:
        node.listen_to_the_end()
        assert detector.shapes == {(200, 300 - roi[0], 3)}
        assert detector.kinds == {kind}
        assert node.publisher.pictures == FRAMES


def test_frozen_cameras_are_noticed_where_pictures_are_not_converted() -> None:
    still = SourceOptions("still", "lavfi:color=red:rate=20:size=320x240,format=yuv420p", frozen_after_s=0.5)
    with closing(BlobDetector(gpu=0)) as detector, Node(detector, still, stays=True) as node:
        assert eventually(lambda: "have not changed" in (node.pipeline.status().sources[0].warning or ""))
        assert detector.kinds == {DecodedImage}


def test_rgb_is_itself() -> None:
    image: Rgb = np.zeros((2, 2, 3), np.uint8)
    assert rgb_of(image) is image
