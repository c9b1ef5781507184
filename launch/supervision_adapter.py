"""Adapter to and from `supervision.Detections`, for the annotators, zones and data sets of that library.

    import supervision as sv
    from groundcast.launch.supervision_adapter import tracks_to_supervision

    for message in Subscriber("tcp://127.0.0.1:5570", masks=True):
        picture = sv.BoxAnnotator().annotate(picture, tracks_to_supervision(message))

supervision itself is imported by the first call alone: `pip install supervision`.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..model.detections import Detections
from ..model.masks.mask import Mask, mask_of, pixels_of
from ..stream.track import TrackState
from ..stream.wire.message_types import DetectionMessage

if TYPE_CHECKING:
    import supervision

_CLASS_NAME = "class_name"  # where supervision keeps the names of the classes


def to_supervision(found: Detections, masks: Sequence[Mask | None] | None = None) -> supervision.Detections:
    """The detections of a picture. `class_id` points into `found.names`, and `data["class_name"]` holds the names.

    Args:
        masks: the pixels of each box, in their order; a box without a mask has none of the picture's pixels.
    """
    import supervision as sv

    names = np.array([found.name(row) for row in range(len(found))], np.str_)
    return sv.Detections(
        xyxy=found.boxes_xyxy.copy(),
        mask=None if masks is None else _stacked(masks),
        confidence=found.scores.copy(),
        class_id=found.name_indices.astype(np.int64),
        data={_CLASS_NAME: names},
    )


def from_supervision(
    given: supervision.Detections, names: Sequence[str] | None = None
) -> tuple[Detections, tuple[Mask | None, ...]]:
    """The detections of another program, best first, and the mask of each box; all None where it has no masks.

    Args:
        names: the classes by their `class_id`; None takes `data["class_name"]`.

    Raises:
        ValueError: the classes have no names, or a class_id has none.
    """
    count = len(given.xyxy)
    scores = np.ones(count, np.float32) if given.confidence is None else np.asarray(given.confidence, np.float32)
    labels = _labels(given, names)
    known = tuple(names) if names is not None else tuple(dict.fromkeys(labels))
    order = np.argsort(-scores, kind="stable")
    indices = np.array([known.index(label) for label in labels], np.int64)
    boxes = np.asarray(given.xyxy, np.float32).reshape(-1, 4)
    found = Detections(known, boxes[order], scores[order], indices[order])
    if given.mask is None:
        return found, (None,) * count
    pixels: NDArray[np.bool_] = np.asarray(given.mask, np.bool_)
    return found, tuple(mask_of(pixels[row], float(scores[row])) for row in order.tolist())


def tracks_to_supervision(
    message: DetectionMessage, states: Collection[TrackState] = ("matched",)
) -> supervision.Detections:
    """The tracks of a message, with `tracker_id`. `class_id` points into the phrases of its prompt.

    Args:
        states: of the tracks that are taken. Those that are not matched have no detection in this very frame, and
            would be counted by supervision's zones where they are only predicted to be.
    """
    import supervision as sv

    tracks = [track for track in message.tracks if track.state in states]
    names = tuple(dict.fromkeys([*message.prompt.phrases, *(track.phrase for track in tracks)]))
    masks = None
    if message.masks is not None:
        size_hw = message.frame.height, message.frame.width
        sent = [message.masks.get(track.id) for track in tracks]
        masks = _stacked(
            [
                None if one is None else Mask(one.size_hw, one.rle, one.area_px, one.quality, one.box_xyxy)
                for one in sent
            ],
            size_hw,
        )
    return sv.Detections(
        xyxy=np.array([track.box_xyxy for track in tracks], np.float32).reshape(-1, 4),
        mask=masks,
        confidence=np.array([track.score for track in tracks], np.float32),
        class_id=np.array([names.index(track.phrase) for track in tracks], np.int64),
        tracker_id=np.array([track.id for track in tracks], np.int64),
        data={_CLASS_NAME: np.array([track.phrase for track in tracks], np.str_)},
    )


def _labels(given: supervision.Detections, names: Sequence[str] | None) -> list[str]:
    """The name of each box."""
    if names is None:
        labels = cast("Any", given.data).get(_CLASS_NAME, ())
        if len(labels) != len(given.xyxy):
            raise ValueError('the detections have no data["class_name"]: give the names of their classes')
        return [str(label) for label in labels]
    numbers = [int(number) for number in given.class_id] if given.class_id is not None else []
    if len(numbers) != len(given.xyxy):
        raise ValueError("the detections have no class_id")
    for number in numbers:
        if not 0 <= number < len(names):
            raise ValueError(f"class_id {number} is none of the {len(names)} names")
    return [names[number] for number in numbers]


def _stacked(masks: Sequence[Mask | None], size_hw: tuple[int, int] | None = None) -> NDArray[np.bool_] | None:
    """(n, H, W) bool; None where no picture's size is known."""
    size = size_hw or next((mask.size_hw for mask in masks if mask is not None), None)
    if size is None:
        return None
    stacked = np.zeros((len(masks), *size), np.bool_)
    for row, mask in enumerate(masks):
        if mask is not None:
            stacked[row] = pixels_of(mask)
    return stacked
