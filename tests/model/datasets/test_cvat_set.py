"""CVAT's annotations: ours come back, its own exports are read, its masks are as its own library writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
from numpy.typing import NDArray

from groundcast.launch.label.set_inputs import read_set
from groundcast.model.datasets.cvat_set import cvat_xml, read_cvat
from groundcast.model.datasets.picture_set import LabelledBox, PictureSetError, SetPicture
from groundcast.model.datasets.set_export import export_set
from groundcast.model.masks.mask import mask_of, pixels_of

from .test_set_export import HIGH, NAMES, OUTLINES, WIDE, pixels_with_a_hole, sets, written


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=sets())
def test_all_comes_back(pictures: tuple[SetPicture, ...], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("set")
    assert export_set(written(pictures, folder), "cvat", folder) == []

    kind, again = read_set(folder / "cvat")

    assert (kind, again.names, again.pictures) == ("cvat", NAMES, pictures)


@settings(max_examples=40, deadline=None)
@given(pixels=np_st.arrays(np.bool_, st.just((HIGH, WIDE)), elements=st.booleans(), fill=st.booleans()))
def test_masks_are_as_cvats_own_library_writes_them(pixels: NDArray[np.bool_]) -> None:
    encode = pytest.importorskip("cvat_sdk.masks").encode_mask
    mask = mask_of(pixels, 1.0)
    if mask is None:
        return
    xml = cvat_xml(("a",), [SetPicture("a.png", WIDE, HIGH, (LabelledBox("a", mask.box_xyxy, mask=mask),))])

    left, top, right, bottom = (int(side) for side in mask.box_xyxy)
    theirs = [int(one) for one in encode(pixels, [left, top, right, bottom])]
    runs, corners = theirs[:-4], theirs[-4:]
    assert f'rle="{", ".join(map(str, runs))}"' in xml
    assert corners == [left, top, right - 1, bottom - 1]


def test_masks_and_polygons_in_parts_come_back(tmp_path: Path) -> None:
    pixels = pixels_with_a_hole()
    boxes = (
        LabelledBox("bottle", (5, 5, 25, 25), 0.5, mask=mask_of(pixels, 1.0)),
        LabelledBox("キー", (1.0, 2.0, 50.0, 20.0), 0.25, outlines=OUTLINES),
        LabelledBox("キー", (1.0, 2.0, 30.5, 20.0), outlines=OUTLINES[:1]),
    )
    said = export_set(written([SetPicture("a.png", WIDE, HIGH, boxes)], tmp_path), "cvat", tmp_path)

    (again,) = read_set(tmp_path / "cvat" / "annotations.xml")[1].pictures

    assert any("3 objects have their shape" in one for one in said)
    assert again.boxes[1:] == boxes[1:]
    assert again.boxes[0].mask is not None
    assert np.array_equal(pixels_of(again.boxes[0].mask), pixels)


EXPORT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><job><labels><label><name>cup</name><attributes></attributes></label></labels></job></meta>
  <image id="0" name="a.png" subset="Validation" task_id="3" width="60" height="40">
    <box label="cup" source="manual" occluded="0" xtl="10.0" ytl="10.0" xbr="30.0" ybr="20.0" z_order="0"
      rotation="90.0"></box>
    <ellipse label="plate" source="manual" occluded="0" cx="20" cy="20" rx="5" ry="4" z_order="0"></ellipse>
    <tag label="cup" source="manual"></tag>
  </image>
</annotations>
"""


def test_an_export_of_cvat_is_read(tmp_path: Path) -> None:
    (tmp_path / "annotations.xml").write_text(EXPORT)
    written([SetPicture("Validation/a.png", WIDE, HIGH)], tmp_path)
    (tmp_path / "source").rename(tmp_path / "images")

    _, found = read_set(tmp_path)

    assert found.names == ("cup", "plate")
    (picture,) = found.pictures
    assert (picture.file, picture.split) == ("Validation/a.png", "val")
    assert picture.boxes[0].box_xyxy == pytest.approx((15.0, 5.0, 25.0, 25.0))
    assert picture.boxes[1].box_xyxy == pytest.approx((15.0, 16.0, 25.0, 24.0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</annotations>", "", "cannot be read"),
        ("<annotations>", "<!DOCTYPE a><annotations>", "document type"),
        ("image", "track", "no <image>"),
        ("ellipse", "skeleton", "<skeleton> is not read"),
        ('width="60"', "", "width is missing"),
        ("xtl=", "xtx=", "xtl is missing"),
        ('<tag label="cup"', '<mask label="cup" rle="3" left="0" top="0" width="2" height="2"', "do not fit"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "a.xml").write_text(
        EXPORT.replace(old, new).replace("</tag>", "</mask>" if "<mask" in new else "</tag>")
    )

    with pytest.raises(PictureSetError, match=said):
        read_cvat(tmp_path / "a.xml", tmp_path)
