"""Masks of tracks with a memory: SAM 2 or EdgeTAM follows each object through the video; the tracker names it.

A new track joins from its box, without a reset. A known one gets its mask from its memory. Where that mask is lost or
does not fit the track's box, the box is the prompt again. What still does not fit has no mask.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..image import Image, rgb_of
from ..runtime.batch_limit import BatchLimit
from .mask import Mask, follows_box, mask_of
from .memory_net import FrameFeatures, MemoryNet, ObjectMasks
from .object_memory import ObjectMemory

_Box = tuple[float, float, float, float]
_Stream = tuple[str, int]
_MAX_OBJECTS = 64  # of a stream; those that were not seen for the longest time are forgotten
_MAX_ROWS = 16  # objects in one pass; limits memory
_FORGET_AFTER = 150  # frames without the object's box


class MemoryTracks:
    """One video model for any number of streams. What it remembers is bounded for each object and each stream.

    Args:
        name: the model's name in messages.
        model: transformers' `Sam2VideoModel` or `EdgeTamVideoModel`.
        processor: prepares pictures for it.
        device: where to compute.
    """

    def __init__(self, name: str, model: Any, processor: Any, device: torch.device) -> None:
        self.name = name
        self._net = MemoryNet(model.to(device))
        self._prepare, self._device = processor.image_processor, device
        self._streams: dict[_Stream, _Objects] = {}
        self._limit = BatchLimit(_MAX_ROWS)

    @torch.inference_mode()
    def find(self, stream: _Stream, image: Image, boxes: Mapping[int, _Box]) -> dict[int, Mask]:
        """The masks of a frame's tracks by id; a track that is lost, or whose mask does not fit its box, is absent."""
        objects = self._streams.setdefault(stream, _Objects())
        objects.frame += 1
        objects.forget(boxes)
        if not boxes:
            return {}
        picture = rgb_of(image)
        height, width = picture.shape[:2]
        pixels = self._prepare(images=picture, return_tensors="pt")["pixel_values"].to(self._device)
        features = self._net.features(pixels)
        scale = np.array([self._net.input_px / width, self._net.input_px / height] * 2)
        scaled = {
            track: torch.tensor(np.array(box) * scale, dtype=torch.float32, device=self._device)
            for track, box in boxes.items()
        }
        found = self._recall(objects, features, boxes, (height, width))
        missing = [track for track in boxes if track not in found]
        return {**found, **self._prompt(objects, features, missing, scaled, boxes, (height, width))}

    def keep(self, streams: Collection[_Stream]) -> None:
        """Drop what is remembered of all streams but these."""
        self._streams = {stream: objects for stream, objects in self._streams.items() if stream in streams}

    def _recall(
        self, objects: _Objects, features: FrameFeatures, boxes: Mapping[int, _Box], size_hw: tuple[int, int]
    ) -> dict[int, Mask]:
        """The masks that known objects have by their memory, as far as they fit the boxes."""
        found: dict[int, Mask] = {}
        groups: dict[tuple[int, int], list[int]] = {}
        for track in boxes:
            if (memory := objects.memories.get(track)) is not None:
                groups.setdefault(self._net.shape_of(memory, objects.frame), []).append(track)
        for tracks in groups.values():
            for some in self._in_passes(tracks):

                def recall(rows: Sequence[int]) -> ObjectMasks:
                    return self._net.from_memory(features, [objects.memories[one] for one in rows], objects.frame)

                masks = self._run(some, recall)
                found |= self._take(objects, features, masks, {one: boxes[one] for one in some}, size_hw)
        return found

    def _prompt(
        self,
        objects: _Objects,
        features: FrameFeatures,
        tracks: Sequence[int],
        scaled: Mapping[int, Tensor],
        boxes: Mapping[int, _Box],
        size_hw: tuple[int, int],
    ) -> dict[int, Mask]:
        """The masks of boxes, as far as they fit them. What fits is remembered."""
        found: dict[int, Mask] = {}
        for some in self._in_passes(tracks):
            masks = self._run(
                some, lambda rows: self._net.from_boxes(features, torch.stack([scaled[one] for one in rows]))
            )
            own = {one: boxes[one] for one in some}
            found |= self._take(objects, features, masks, own, size_hw, from_boxes=True)
        return found

    def _take(
        self,
        objects: _Objects,
        features: FrameFeatures,
        masks: ObjectMasks,
        boxes: Mapping[int, _Box],
        size_hw: tuple[int, int],
        *,
        from_boxes: bool = False,
    ) -> dict[int, Mask]:
        """The masks that fit the boxes, by the tracks' ids. They are remembered, the others are not."""
        found: dict[int, Mask] = {}
        rows: list[int] = []
        for row, (track, box) in enumerate(boxes.items()):
            mask = _mask_of(masks, row, size_hw)
            if mask is not None and follows_box(mask, box):
                found[track] = mask
                rows.append(row)
        if rows:
            kept = self._net.remembered(features, masks.rows(rows), objects.frame, from_boxes=from_boxes)
            for track, one in zip(found, kept, strict=True):
                memory = objects.memories.setdefault(track, self._net.empty_memory())
                memory.last_seen = objects.frame
                (memory.add_prompted if from_boxes else memory.add)(one)
        return found

    def _in_passes(self, tracks: Sequence[int]) -> list[list[int]]:
        rows = self._limit.rows
        return [list(tracks[first : first + rows]) for first in range(0, len(tracks), rows)]

    def _run(self, tracks: Sequence[int], compute: Callable[[Sequence[int]], ObjectMasks]) -> ObjectMasks:
        """Compute one pass, in halves where memory is short."""
        done: list[ObjectMasks] = []
        first = 0
        while first < len(tracks):
            some = tracks[first : first + self._limit.rows]
            try:
                done.append(compute(some))
            except (RuntimeError, MemoryError) as error:
                self._limit.shrink(error, len(some))
                continue
            first += len(some)
        return done[0] if len(done) == 1 else ObjectMasks.joined(done)


class _Objects:
    """The objects of one stream.

    Attributes:
        frame: how many frames were given.
        memories: by the tracks' ids.
    """

    def __init__(self) -> None:
        self.frame = 0
        self.memories: dict[int, ObjectMemory] = {}

    def forget(self, boxes: Mapping[int, _Box]) -> None:
        """Drop objects that are gone for long, and the longest gone of too many."""
        present = [track for track in self.memories if track in boxes]
        gone = [track for track in self.memories if track not in boxes]
        gone.sort(key=lambda track: -self.memories[track].last_seen)
        recent = [track for track in gone if self.frame - self.memories[track].last_seen <= _FORGET_AFTER]
        kept = [*present, *recent][: max(_MAX_OBJECTS, len(present))]
        self.memories = {track: self.memories[track] for track in kept}


def _mask_of(masks: ObjectMasks, row: int, size_hw: tuple[int, int]) -> Mask | None:
    """One object's mask at the picture's size; None where it is not seen."""
    if float(masks.scores_B[row]) <= 0:
        return None
    logits = F.interpolate(masks.logits_BHW[row][None, None].float(), size_hw, mode="bilinear")[0, 0]
    return mask_of((logits > 0).cpu().numpy(), float(masks.ious_B[row]))
