"""Every pixel format of FFmpeg becomes the right RGB, or is refused by its name."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.error import FFmpegError
from av.video.format import names  # pyright: ignore[reportAttributeAccessIssue]
from numpy.typing import NDArray

from groundcast.stream.decode.rgb_convert import RgbConverter
from groundcast.stream.decode.video import Video
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError

from ...model.stored_pictures import scene

SCENE = scene()
GREY = np.repeat((SCENE @ np.array([0.299, 0.587, 0.114]))[..., None], 3, axis=2)
COARSE = {"bgr8": 30.0, "rgb8": 30.0, "bgr4_byte": 60.0, "rgb4_byte": 60.0}
"""How far formats of a byte a pixel are off, on average; of all others 9 levels are allowed."""
UNREADABLE = {"rgb4", "bgr4"}


def _written(name: str) -> av.VideoFrame | None:
    """The scene in a pixel format; None where FFmpeg writes none."""
    try:
        return av.VideoFrame.from_ndarray(SCENE, "rgb24").reformat(format=name)
    except FFmpegError:
        return None


def test_every_format_that_ffmpeg_writes_is_read_back() -> None:
    formats = {name: frame for name in sorted(names) if (frame := _written(name)) is not None}
    assert len(formats) > 150
    converter = RgbConverter()
    for name, frame in formats.items():
        if name in UNREADABLE or name.startswith("mono"):
            continue
        is_grey = name.startswith(("gray", "ya8", "ya16"))
        difference = np.abs(converter.convert(frame).astype(float) - (GREY if is_grey else SCENE)).mean()
        assert difference < COARSE.get(name, 9.0), name


@pytest.mark.parametrize("name", ["monow", "monob"])
def test_black_and_white_are_not_exchanged(name: str) -> None:
    half = np.zeros((48, 64, 3), np.uint8)
    half[:, 32:] = 255
    frame = av.VideoFrame.from_ndarray(half, "rgb24").reformat(format=name)
    assert (RgbConverter().convert(frame) == half).all()


def test_sixteen_bits_a_pixel_are_read_in_either_byte_order() -> None:
    red = {"rgb565be": b"\xf8\x00", "rgb565le": b"\x00\xf8", "bgr565be": b"\x00\x1f", "rgb555be": b"\x7c\x00"}
    for name, value in red.items():
        frame = av.VideoFrame(64, 48, name)
        frame.planes[0].update(value * (frame.planes[0].buffer_size // 2))
        assert RgbConverter().convert(frame)[5, 5].tolist() == pytest.approx([255, 0, 0], abs=8), name


@pytest.mark.parametrize("name", ["rgba", "bgra", "argb", "abgr", "yuva420p", "yuva444p", "gbrap", "ya8", "rgba64le"])
def test_transparent_pixels_of_a_video_show_white(name: str) -> None:
    rgba: NDArray[np.uint8] = np.dstack([SCENE, np.full((48, 64), 255, np.uint8)])
    rgba[:24, :, 3] = 0
    image = RgbConverter().convert(av.VideoFrame.from_ndarray(rgba, "rgba").reformat(format=name))
    assert image[:20].min() >= 253
    assert np.abs(image[28:].astype(float) - (GREY if name == "ya8" else SCENE)[28:]).mean() < 6


def test_a_format_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "raw.nut"
    frame = av.VideoFrame(64, 48, "rgb4")
    with av.open(path, "w") as container:
        stream = container.add_stream("rawvideo", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb4"
        container.mux(stream.encode(frame))
    video = Video(SourceOptions("camera", str(path)), lambda _: False)
    with pytest.raises(SourceError, match="pixels of the kind rgb4, which cannot be converted"):
        next(video.pictures()).image()
    video.close()
