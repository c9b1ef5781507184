"""Videos that are stored turned or mirrored are seen upright."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from groundcast.model.image import DecodedImage, rgb_of
from groundcast.model.pictures.orientation import ORIENTATIONS, UPRIGHT
from groundcast.stream.decode.video import Video
from groundcast.stream.options import SourceOptions

from ...model.stored_pictures import scene, stored, with_exif
from ..watched_reader import read_all

SCENE = scene()
ANGLES = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (-90, True),
    6: (-90, False),
    7: (90, True),
    8: (90, False),
}
"""Of each orientation: how many degrees counterclockwise the picture is shown, mirrored after that or not."""


def _write_turned(path: Path, orientation: int) -> Path:
    pixels = stored(SCENE, orientation)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", 20, options={"qp": "8"})
        stream.height, stream.width, stream.pix_fmt = pixels.shape[0], pixels.shape[1], "yuv420p"
        angle, mirrored = ANGLES[orientation]
        stream.set_display_rotation(angle, hflip=mirrored)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_video_is_turned_and_mirrored_as_it_says(orientation: int, tmp_path: Path) -> None:
    frames, stats = read_all(_write_turned(tmp_path / "turned.mp4", orientation))
    assert (len(frames), stats.corrupt) == (3, 0)
    for frame in frames:
        assert frame.rgb.shape == SCENE.shape
        assert np.abs(frame.rgb.astype(int) - SCENE).mean() < 8


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_where_a_gpu_takes_pictures_as_decoded_none_is_mirrored_or_turned(orientation: int, tmp_path: Path) -> None:
    path = _write_turned(tmp_path / "turned.mp4", orientation)
    video = Video(SourceOptions("clip", str(path)), lambda _: False, gpu=0)
    images = [picture.image() for picture in video.pictures()]
    video.close()
    for image in images:
        assert image is not None
        assert isinstance(image, DecodedImage) == (orientation == UPRIGHT)
        assert np.abs(rgb_of(image).astype(int) - SCENE).mean() < 8


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_each_jpeg_of_a_video_is_turned_as_its_own_exif_says(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "camera.mjpeg"
    pixels = {turn: Image.fromarray(stored(SCENE, turn)) for turn in (UPRIGHT, orientation)}
    with path.open("wb") as file:
        for turn in (orientation, UPRIGHT, orientation):
            written = BytesIO()
            pixels[turn].save(written, "JPEG", quality=95, exif=with_exif(turn))
            file.write(written.getvalue())
    frames, _ = read_all(path)
    assert len(frames) == 3
    for frame in frames:
        assert frame.rgb.shape == SCENE.shape
        assert np.abs(frame.rgb.astype(int) - SCENE).mean() < 8
