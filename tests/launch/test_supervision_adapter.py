"""Detections and tracks to supervision's and back, with the real library."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from groundcast.launch.supervision_adapter import from_supervision, to_supervision, tracks_to_supervision
from groundcast.model.detections import Detections
from groundcast.model.masks.mask import mask_of, pixels_of
from groundcast.stream.track import Track, TrackState
from groundcast.stream.track_mask import TrackMask
from groundcast.stream.wire.message_types import DetectionMessage

from ..stream.spoken import detections

supervision = pytest.importorskip("supervision")


def message_of(*tracks: Track) -> DetectionMessage:
    return replace(detections(1), tracks=tracks)


def mug(number: int, left: float, top: float, state: TrackState = "matched") -> Track:
    (one,) = detections(1).tracks
    return replace(one, id=number, box_xyxy=(left, top, left + 10, top + 10), state=state)


def found() -> Detections:
    boxes = np.array([[10, 10, 50, 40], [60, 5, 90, 35]], np.float32)
    return Detections(("cup", "red mug", "キー"), boxes, np.array([0.9, 0.4], np.float32), np.array([2, 0], np.int64))


def test_detections_and_masks_come_back() -> None:
    pixels = np.zeros((60, 100), np.bool_)
    pixels[12:38, 12:48] = True

    given: Any = to_supervision(found(), [mask_of(pixels, 1.0), None])
    again, masks = from_supervision(given, found().names)

    assert given.data["class_name"].tolist() == ["キー", "cup"]
    assert given.area.tolist() == [26 * 36, 0]
    assert again.names == found().names
    for name in ("boxes_xyxy", "scores", "name_indices"):
        assert np.array_equal(getattr(again, name), getattr(found(), name))
    assert masks[0] is not None
    assert np.array_equal(pixels_of(masks[0]), pixels)
    assert masks[1] is None


def test_a_picture_without_any_comes_back() -> None:
    given = to_supervision(Detections.none(("cup",)), [])

    assert given.is_empty()
    assert len(from_supervision(given)[0]) == 0
    assert len(from_supervision(supervision.Detections.empty(), ("cup",))[0]) == 0


def test_others_are_sorted_best_first_and_named_by_themselves() -> None:
    given: Any = to_supervision(found())[::-1]
    given.data["class_name"] = np.array(["b", "a"])

    again, masks = from_supervision(given)

    assert (again.scores.tolist(), [again.name(row) for row in range(2)]) == (pytest.approx([0.9, 0.4]), ["a", "b"])
    assert masks == (None, None)


def test_what_has_no_name_is_refused() -> None:
    bare = supervision.Detections(xyxy=np.zeros((1, 4)), class_id=np.array([3]))

    with pytest.raises(ValueError, match="class_name"):
        from_supervision(bare)
    with pytest.raises(ValueError, match="class_id 3 is none of the 2 names"):
        from_supervision(bare, ("a", "b"))
    with pytest.raises(ValueError, match="no class_id"):
        from_supervision(supervision.Detections(xyxy=np.zeros((1, 4))), ("a",))


def test_tracks_keep_their_ids_and_masks_and_cross_a_line_of_supervisions() -> None:
    line = supervision.LineZone(start=supervision.Point(50, 100), end=supervision.Point(50, 0))
    for step in range(10):
        left = 10.0 + 8 * step
        line.trigger(tracks_to_supervision(message_of(mug(7, left, 40.0), mug(8, left, 60.0, "coasting"))))

    assert line.in_count + line.out_count == 1
    pixels = np.zeros((480, 640), np.bool_)
    pixels[40:50, 10:20] = True
    mask = mask_of(pixels, 1.0)
    assert mask is not None
    sent = TrackMask(7, mask.size_hw, mask.counts, mask.area_px, mask.quality, mask.box_xyxy)

    given: Any = tracks_to_supervision(replace(message_of(mug(7, 10, 40), mug(9, 50, 40)), masks={7: sent}))

    assert given.tracker_id.tolist() == [7, 9]
    assert np.asarray(given.mask).sum(axis=(1, 2)).tolist() == [100, 0]


def test_importing_the_adapter_imports_neither_supervision_nor_torch() -> None:
    code = (
        "import sys, groundcast.launch.supervision_adapter\n"
        "print([name for name in ('supervision', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
