"""Picture preparation against that of published models; Triton's kernel in a separate process."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from groundcast.cuda.image_prep import KernelError, Matrix, Yuv420, image_prep
from groundcast.cuda.image_prep_reference import rgb_from_yuv420
from groundcast.model.runtime.preprocess import (
    IMAGENET_STD,
    input_size,
    normalise,
    preparation,
    preprocess,
    resize_as_published,
    short_side_size,
)

from . import image_prep_cases as cases

PICTURES = [(480, 640), (1080, 1920), (37, 51), (801, 801), (33, 500), (64, 64), (2, 3), (1, 1), (999, 5)]


def _picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("short", [7, 64, 333])
@pytest.mark.parametrize("hw", PICTURES)
def test_the_reference_equals_published_preprocessing(hw: tuple[int, int], short: int) -> None:
    picture, size = _picture(*hw), short_side_size(*hw, short, 2 * short)
    wanted = normalise(resize_as_published(picture, size)[None], [size.valid_xy])
    canvas = torch.full(wanted.shape, float("nan"))
    image_prep(torch.from_numpy(picture)[None], preparation(size, "bilinear"), torch.float32, canvas, "reference")
    assert torch.equal(canvas, wanted)


@pytest.mark.parametrize("pixels", [64 * 48, 320 * 240])
@pytest.mark.parametrize("hw", PICTURES)
def test_area_resizing_is_opencvs_within_one_of_255(hw: tuple[int, int], pixels: int) -> None:
    picture, size = _picture(*hw), input_size(*hw, pixels)
    wanted = normalise(preprocess(picture, size)[None], [size.valid_xy])
    canvas = torch.full(wanted.shape, float("nan"))
    image_prep(torch.from_numpy(picture)[None], preparation(size, "area"), torch.float32, canvas, "reference")
    steps = (canvas - wanted) * torch.from_numpy(IMAGENET_STD)[:, None, None]
    assert steps.abs().max() <= 1.001
    assert steps.abs().mean() < 0.5  # halves are rounded up once along each axis


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_colours_of_video_are_those_of_ffmpeg(matrix: Matrix, full_range: bool) -> None:
    flat = [(200, 30, 40), (30, 180, 50), (20, 60, 220), (128, 128, 128), (0, 0, 0), (255, 255, 255), (250, 240, 20)]
    picture = np.repeat(np.repeat(np.array([flat], np.uint8), 16, 0), 16, 1)  # 16x16 px of each colour
    space = {"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709}[matrix]
    tone = ColorRange.JPEG if full_range else ColorRange.MPEG
    planes = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="nv12", dst_colorspace=space, dst_color_range=tone, src_color_range=ColorRange.JPEG
    )
    luma, chroma = (np.asarray(memoryview(plane)).reshape(-1, plane.line_size) for plane in planes.planes)
    u, v = torch.from_numpy(chroma[:, : planes.width].copy()).view(1, planes.height // 2, -1, 2).unbind(-1)
    given = Yuv420(torch.from_numpy(luma[:, : planes.width].copy())[None], u, v, matrix, full_range)
    middle = rgb_from_yuv420(given)[0, 8, 8::16].numpy().astype(int)
    assert np.abs(middle - np.array(flat)).max() <= 3  # the precision of 8-bit luma and chroma


def test_colours_outside_rgb_are_clipped() -> None:
    odd = cases.nv12(5, 7)
    assert rgb_from_yuv420(odd).shape == (2, 5, 7, 3)
    none = torch.zeros(1, 1, 1, dtype=torch.uint8)
    glaring = Yuv420(torch.full((1, 2, 2), 255, dtype=torch.uint8), none, none, "bt601", False)
    assert rgb_from_yuv420(glaring)[0, 0, 0].tolist() == [74, 255, 20]


def test_video_is_its_rgb_prepared() -> None:
    given, how = cases.nv12(27, 35, "bt709"), cases.preparation((13, 21), (16, 32))
    wanted = cases.prepared(rgb_from_yuv420(given), how, "reference")
    assert torch.equal(cases.prepared(given, how, "reference"), wanted)
    assert torch.equal(cases.prepared(cases.planar(given), how, "reference"), wanted)


def test_a_part_that_cuts_colours_through_has_the_colours_of_the_whole() -> None:
    whole = cases.nv12(27, 35)
    assert torch.equal(rgb_from_yuv420(cases.odd(whole)), rgb_from_yuv420(whole)[:, 1:, 1:])


def test_a_kernel_that_cannot_run_says_why() -> None:
    with pytest.raises(KernelError, match="it needs CUDA"):
        cases.prepared(cases.pictures(4, 4), cases.preparation((2, 2), (2, 2)), "triton")


@pytest.mark.slow
def test_the_triton_kernel_in_its_interpreter() -> None:
    """In a process of its own: the interpreter is chosen before Triton is imported, and Triton bears no OSMesa."""
    tests = Path(__file__).with_name("interpreted_image_prep.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    ended = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
