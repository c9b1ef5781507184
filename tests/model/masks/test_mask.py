"""Masks as run lengths and polygons, beside pycocotools."""

# pycocotools has no types.
# pyright: reportAssignmentType=false
# pyright: reportCallIssue=false, reportArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

from groundcast.model.masks.mask import Mask, follows_box, mask_of, pixels_of, polygons_of, resized, window_mask

Pixels = NDArray[np.bool_]


@st.composite
def _pictures(draw: st.DrawFn) -> Pixels:
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random((height, width)) < draw(st.sampled_from((0.0, 0.05, 0.5, 0.95, 1.0)))


def _made(pixels: Pixels) -> Mask:
    mask = mask_of(pixels, 0.5)
    assert mask is not None
    return mask


@settings(max_examples=200, deadline=None)
@given(_pictures())
def test_run_lengths_are_those_of_pycocotools_and_read_back_exactly(pixels: Pixels) -> None:
    mask = mask_of(pixels, 0.5)

    if mask is None:
        assert not pixels.any()
        return
    theirs: dict[str, Any] = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
    assert (list(mask.size_hw), mask.counts) == (theirs["size"], theirs["counts"])
    assert np.array_equal(pixels_of(mask), pixels)
    assert mask.area_px == coco.area(theirs)
    x, y, width, height = coco.toBbox(theirs)
    assert mask.box_xyxy == (x, y, x + width, y + height)


def test_a_window_of_a_picture_gives_the_mask_of_the_whole() -> None:
    pixels = np.zeros((40, 60), np.bool_)
    pixels[10:20, 30:50] = True

    assert window_mask(pixels[8:25, 28:60], (28, 8), (40, 60), 0.5) == mask_of(pixels, 0.5)


def test_polygons_have_their_holes_and_fill_the_same_pixels() -> None:
    pixels = np.zeros((50, 60), np.bool_)
    pixels[5:40, 5:40] = True
    pixels[12:30, 12:30] = False  # a hole, and within it another part
    pixels[18:22, 18:22] = True
    pixels[45:48, 50:58] = True

    polygons = polygons_of(_made(pixels))

    assert [len(polygon.holes) for polygon in polygons] == [1, 0, 0]
    filled = np.zeros(pixels.shape, np.uint8)
    for polygon in polygons:  # the largest first: a part within a hole comes later
        cv2.fillPoly(filled, [np.array(polygon.outline)], 1)
        for hole in polygon.holes:  # its corners lie on the mask
            inner = np.zeros(pixels.shape, np.uint8)
            cv2.fillPoly(inner, [np.array(hole)], 1)
            cv2.polylines(inner, [np.array(hole)], isClosed=True, color=0)
            filled[inner == 1] = 0
    assert np.array_equal(filled.astype(np.bool_), pixels)


@pytest.mark.parametrize("counts", [b"", b"\x00\xff", b"99999999", b"0000", b"P", b"oooooooooooooooo"])
def test_damaged_run_lengths_are_refused(counts: bytes) -> None:
    mask = replace(_made(np.ones((9, 7), np.bool_)), counts=counts)

    with pytest.raises(ValueError, match="run lengths of a mask"):
        pixels_of(mask)


def test_a_mask_elsewhere_or_of_the_whole_picture_is_not_the_object_in_a_box() -> None:
    pixels = np.zeros((100, 100), np.bool_)
    pixels[20:40, 20:40] = True
    everything = _made(np.ones((100, 100), np.bool_))

    assert follows_box(_made(pixels), (19, 21, 41, 42))
    assert not follows_box(_made(pixels), (60, 60, 80, 80))
    assert not follows_box(everything, (20, 20, 40, 40))
    assert follows_box(everything, (0, 0, 100, 100))


def test_a_mask_grows_with_its_picture() -> None:
    pixels = np.zeros((30, 40), np.bool_)
    pixels[10:20, 8:20] = True

    grown = resized(_made(pixels), (60, 80))

    assert grown is not None
    assert (grown.size_hw, grown.area_px) == ((60, 80), 480)
    assert grown.box_xyxy == (16, 20, 40, 40)
