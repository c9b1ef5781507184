"""Masks through video with a memory, beside transformers' own session, with random weights."""

# transformers leaves most types open.
# pyright: reportPrivateUsage=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.model.masks.memory_net import MemoryNet
from groundcast.model.masks.memory_tracks import MemoryTracks
from groundcast.model.masks.object_memory import ObjectMemory, Remembered

from .tiny_models import SIDE_PX, tiny_video_model

Box = tuple[float, float, float, float]
HEIGHT, WIDTH = 104, 128
BOXES: dict[int, Box] = {1: (10, 10, 60, 50), 2: (40, 30, 100, 90), 7: (70, 5, 120, 60)}
_NOISE = 1e-3  # relative to the spread of the logits; memories are kept in bfloat16


@cache
def _loaded(family: str) -> tuple[Any, Any]:
    return tiny_video_model(family)


def _frames(count: int) -> list[NDArray[np.uint8]]:
    base = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    return [np.roll(base, 3 * index, 1) for index in range(count)]


def _session(family: str, frames: list[NDArray[np.uint8]], boxes: dict[int, Box]) -> list[torch.Tensor]:
    """Mask logits (N, h, w) of each frame, from transformers' session; the boxes are given with the first."""
    model, processor = _loaded(family)
    session = processor.init_video_session(inference_device="cpu", dtype=torch.float32)
    found: list[torch.Tensor] = []
    for index, frame in enumerate(frames):
        inputs = processor(images=frame, return_tensors="pt")
        if index == 0:
            processor.add_inputs_to_inference_session(
                session,
                frame_idx=0,
                obj_ids=list(boxes),
                input_boxes=[[list(box) for box in boxes.values()]],
                original_size=(HEIGHT, WIDTH),
            )
        output = model(inference_session=session, frame=inputs["pixel_values"][0])
        found.append(output.pred_masks[:, 0].clone())
    return found


@torch.inference_mode()
def _batched(family: str, frames: list[NDArray[np.uint8]], boxes: dict[int, Box]) -> list[torch.Tensor]:
    model, processor = _loaded(family)
    net = MemoryNet(model)
    memories = [net.empty_memory() for _ in boxes]
    scale = torch.tensor([SIDE_PX / WIDTH, SIDE_PX / HEIGHT] * 2)
    found: list[torch.Tensor] = []
    for index, frame in enumerate(frames):
        features = net.features(processor(images=frame, return_tensors="pt")["pixel_values"])
        masks = (
            net.from_boxes(features, torch.tensor(list(boxes.values())) * scale)
            if index == 0
            else net.from_memory(features, memories, index)
        )
        for memory, one in zip(memories, net.remembered(features, masks, index, from_boxes=index == 0), strict=True):
            (memory.add_prompted if index == 0 else memory.add)(one)
        found.append(masks.logits_BHW.clone())
    return found


@pytest.mark.parametrize(
    ("family", "frames"),
    [
        ("sam2", 4),
        pytest.param("sam2", 20, marks=[pytest.mark.slow, pytest.mark.bar]),
        pytest.param("edgetam", 3, marks=[pytest.mark.slow, pytest.mark.bar]),
    ],
)
def test_a_batch_of_objects_has_the_masks_of_transformers_session(family: str, frames: int) -> None:
    theirs, ours = (run(family, _frames(frames), BOXES) for run in (_session, _batched))

    for one, other in zip(theirs, ours, strict=True):
        assert one.shape == other.shape
        spread = float(one.std())
        assert spread > 0.1  # the objects are seen
        assert float((one - other).abs().max()) < _NOISE * spread * (1 + frames)


def _remembered(frame: int) -> Remembered:
    return Remembered(frame, torch.zeros(4, 8), torch.zeros(4, 8), torch.zeros(8))


def test_an_object_remembers_a_bounded_number_of_frames() -> None:
    memory = ObjectMemory(spatial=6, pointers=15)
    memory.add_prompted(_remembered(0))
    for frame in range(1, 200):
        if frame % 40 == 0:
            memory.add_prompted(_remembered(frame))
        else:
            memory.add(_remembered(frame))

    assert [ago for ago, _ in memory.tokens(200)] == [0, 0, 6, 5, 4, 3, 2, 1]
    assert [one.frame for _, one in memory.tokens(200)] == [0, 160, 194, 195, 196, 197, 198, 199]
    assert [ago for ago, _ in memory.object_pointers(200)] == [200, 40, *range(1, 16)]
    assert len(memory._recent) <= 15


def _tracks() -> MemoryTracks:
    model, processor = _loaded("sam2")
    return MemoryTracks("small", model, processor, torch.device("cpu"))


def test_objects_come_and_go_without_a_reset_and_are_forgotten_in_the_end() -> None:
    tracks, stream = _tracks(), ("clip", 1)
    frames = _frames(6)

    for index, frame in enumerate(frames):
        present = {1: BOXES[1], **({2: BOXES[2]} if index >= 2 else {}), **({7: BOXES[7]} if index < 3 else {})}
        found = tracks.find(stream, frame, present)
        assert set(found) <= set(present)
        for track, mask in found.items():
            assert mask.size_hw == (HEIGHT, WIDTH)
            assert mask.area_px <= 0.6 * WIDTH * HEIGHT or track == 2
    assert tracks.find(stream, frames[0], {}) == {}

    objects = tracks._streams[stream]
    assert objects.frame == 7
    objects.frame += 1000
    tracks.find(stream, frames[0], {})
    assert objects.memories == {}
    tracks.keep([])
    assert tracks._streams == {}


def test_two_streams_do_not_share_their_memory() -> None:
    frames, tracks = _frames(4), _tracks()
    alone = [_areas(tracks, ("a", 1), frame) for frame in frames]

    tracks = _tracks()
    mixed = [(_areas(tracks, ("a", 1), frame), _areas(tracks, ("b", 1), frame[:, ::-1].copy())) for frame in frames]

    assert [first for first, _ in mixed] == alone


def _areas(tracks: MemoryTracks, stream: tuple[str, int], frame: NDArray[np.uint8]) -> dict[int, int]:
    return {track: mask.area_px for track, mask in tracks.find(stream, frame, BOXES).items()}
