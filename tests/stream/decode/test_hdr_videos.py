"""HDR videos are tone-mapped to standard range, with a notice."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundcast.model.image import Rgb, rgb_of
from groundcast.stream.decode.video import Video
from groundcast.stream.options import SourceOptions

from ..hdr_clips import HLG, PQ, write_hdr
from ..watched_reader import DATA, read_all

WHITE, GREY, BLACK = 0.5807, 0.3799, 0.0  # PQ's signal for 203, 26 and 0 nits (ITU-R BT.2408, table 1)


@pytest.mark.parametrize(
    ("transfer", "name", "signals"),
    [(PQ, "PQ", (BLACK, GREY, WHITE, 1.0)), (HLG, "HLG", (0.0, 0.38, 0.75, 1.0))],
)
def test_hdr_is_as_bright_as_a_standard_picture_of_the_same_scene(
    transfer: int, name: str, signals: tuple[float, ...], tmp_path: Path
) -> None:
    frames, stats = read_all(write_hdr(tmp_path / "hdr.mkv", transfer, signals))
    seen = frames[0].rgb[16, 8::16].mean(axis=1)
    assert seen == pytest.approx([0, 255 * (26 / 203) ** (1 / 2.2), 246, 255], abs=6)
    assert f"HDR ({name})" in (stats.warning or "")


def test_a_standard_picture_is_left_as_it_is(tmp_path: Path) -> None:
    frames, stats = read_all(write_hdr(tmp_path / "sdr.mkv", 14, (0.0, 0.5, 1.0)))
    assert frames[0].rgb[16, 8::16].mean(axis=1) == pytest.approx([0, 128, 255], abs=2)
    assert stats.warning is None


@pytest.mark.skipif(not (DATA / "faults" / "hdr_pq.mp4").exists(), reason="no shared data")
def test_a_scene_in_hdr_looks_like_the_same_scene_without() -> None:
    clip = Path(__file__).parents[3] / "model" / "tabletop" / "clip.mp4"
    hdr, standard = (_first(path) for path in (DATA / "faults" / "hdr_pq.mp4", clip))
    assert np.abs(hdr.astype(int) - standard).mean() < 8  # 21 as they lie in the file


def _first(path: Path) -> Rgb:
    video = Video(SourceOptions("clip", str(path)), lambda _: False, gpu=0)
    image = next(video.pictures()).image()
    video.close()
    assert image is not None
    return rgb_of(image)
