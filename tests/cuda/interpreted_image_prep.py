"""The Triton kernel of picture preparation on a CPU; test_image_prep.py runs this file with TRITON_INTERPRET=1."""

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import pytest
import torch

from groundcast.cuda.image_prep import Matrix, image_prep

from .image_prep_cases import SIZES, assert_as_the_reference, nv12, odd, pictures, planar, preparation, prepared

pytest.importorskip("groundcast.cuda.image_prep_triton", exc_type=ModuleNotFoundError)

# Raised by Triton 3.6's interpreter where a loop's length is an argument.
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array with ndim:DeprecationWarning")


@pytest.mark.parametrize(("given_hw", "picture_hw", "canvas_hw"), SIZES)
def test_rgb_is_prepared_as_by_the_reference(
    given_hw: tuple[int, int], picture_hw: tuple[int, int], canvas_hw: tuple[int, int]
) -> None:
    assert_as_the_reference("triton", pictures(*given_hw), preparation(picture_hw, canvas_hw))


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_video_is_prepared_as_by_the_reference(matrix: Matrix, full_range: bool) -> None:
    picture, how = nv12(7, 11, matrix, full_range=full_range), preparation((5, 8), (6, 9))
    assert_as_the_reference("triton", picture, how)
    assert_as_the_reference("triton", planar(picture), how)
    assert_as_the_reference("triton", odd(picture), how)


def test_rows_that_lie_apart_and_other_layouts_of_the_output() -> None:
    picture, how = pictures(9, 20), preparation((5, 7), (6, 8))
    apart = picture[:, :, 3:14]
    wanted = prepared(apart.contiguous(), how, "reference")
    plain = torch.full((2, 3, 6, 8), float("nan"))
    assert torch.equal(image_prep(apart, how, torch.float32, plain, "triton"), wanted)
    turned = picture.transpose(1, 2)  # the pixels of a row are not contiguous: copied first
    assert torch.equal(prepared(turned, how, "triton"), prepared(turned.contiguous(), how, "reference"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_right_to_its_last_place(dtype: torch.dtype) -> None:
    """The interpreter truncates to bfloat16, where a GPU rounds."""
    picture, how = pictures(9, 31), preparation((5, 23), (6, 32))
    exact = prepared(picture, how, "reference")
    error = (prepared(picture, how, "triton", dtype).float() - exact).abs()
    assert (error <= exact.abs() * torch.finfo(dtype).eps + 1e-7).all()
