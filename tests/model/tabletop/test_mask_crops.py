"""Crops of rendered objects with their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundcast.model.tabletop.mask_crops import CROP_PX, CROP_SCALE, build_crops

pytest.importorskip("mujoco", reason="needs the [eval] extra")


def test_each_crop_shows_one_object_in_its_middle_and_is_rendered_once(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []

    crops = build_crops(tmp_path / "crops", 2, on_progress=lambda now, whole: done.append((now, whole)))
    again = build_crops(tmp_path / "crops", 2, on_progress=lambda now, whole: done.append((now, whole)))

    assert done == [(2, 2)]
    assert len(crops.pictures) == len(crops.masks) >= 4
    assert np.array_equal(crops.pictures, again.pictures)
    edge = round(CROP_PX * (1 - 1 / CROP_SCALE) / 2)
    for mask in crops.masks:
        rows, columns = np.nonzero(mask > 127)
        around = np.array([columns.min(), rows.min(), CROP_PX - 1 - columns.max(), CROP_PX - 1 - rows.max()])
        assert np.abs(around - edge).max() <= 6  # a few of the picture's pixels, enlarged
