"""SAM's families through our masker, against transformers' own steps from end to end, with random weights."""

# transformers leaves most types open.
# pyright: reportPrivateUsage=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.model.masks.mask import pixels_of
from groundcast.model.masks.prompted import PromptedMasker

from .tiny_models import FAMILIES, tiny_model

_NOISE = 1e-3  # of logits with a spread of 1 to 10
# Blocks that a box does not reach: they embed points and masks, or choose among several masks.
_UNUSED = (
    "mask_embed",
    "point_embed.0",
    "point_embed.1",
    "not_a_point_embed",
    "iou_prediction_head",
    "mlps.1",
    "mlps.2",
    "mlps.3",
)


@cache
def _loaded(family: str) -> tuple[Any, Any]:
    return tiny_model(family)


def _picture(height: int, width: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(height * width)
    coarse = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1)[:height, :width])


def _boxes(count: int, height: int, width: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(count)
    corners = np.sort(rng.random((count, 2, 2)), 1) * np.array([width, height]) * 0.9
    corners[:, 1] += 3
    return corners.reshape(count, 4)


def _theirs(family: str, image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> torch.Tensor:
    """Mask logits (N, H, W) from transformers' processor, its model and its processor again."""
    model, processor = _loaded(family)
    inputs = processor(images=image, input_boxes=[boxes.tolist()], return_tensors="pt")
    with torch.no_grad():
        output = model(
            pixel_values=inputs["pixel_values"], input_boxes=inputs["input_boxes"].float(), multimask_output=False
        )
    sizes = {name: inputs[name] for name in ("original_sizes", "reshaped_input_sizes") if name in inputs}
    (logits,) = processor.post_process_masks(output.pred_masks, **sizes, binarize=False)
    return logits[:, 0]


def _ours(family: str, image: NDArray[np.uint8], boxes: NDArray[np.float64], rows: int = 32) -> torch.Tensor:
    masker = PromptedMasker(family, *_loaded(family), torch.device("cpu"))
    masker._limit.rows = rows
    return torch.stack([logits for logits, _ in masker.logits(image, boxes)])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("size_hw", "count", "rows"),
    [
        ((97, 181), 7, 3),
        pytest.param((128, 128), 40, 32, marks=[pytest.mark.slow, pytest.mark.bar]),
        pytest.param((203, 61), 1, 32, marks=[pytest.mark.slow, pytest.mark.bar]),
        pytest.param((64, 300), 5, 1, marks=[pytest.mark.slow, pytest.mark.bar]),
    ],
)
def test_masks_are_transformers_own_at_odd_sizes_and_in_batches(
    family: str, size_hw: tuple[int, int], count: int, rows: int
) -> None:
    image, boxes = _picture(*size_hw), _boxes(count, *size_hw)

    theirs, ours = _theirs(family, image, boxes), _ours(family, image, boxes, rows)

    assert ours.shape == (count, *size_hw)
    assert float((ours - theirs).abs().max()) < _NOISE
    near = theirs.abs() < _NOISE  # where rounding decides
    assert torch.equal((ours > 0) | near, (theirs > 0) | near)
    assert float(near.float().mean()) < 0.01


@pytest.mark.bar
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_comparison_notices_when_any_one_block_is_broken(family: str) -> None:
    image, boxes = _picture(50, 70), _boxes(2, 50, 70)
    whole, unnoticed = _theirs(family, image, boxes), []

    for name, block in _blocks(_loaded(family)[0]):
        kept = {key: weight.clone() for key, weight in block.state_dict().items()}
        with torch.no_grad():
            for weight in block.parameters():
                weight.neg_()
        if float((_ours(family, image, boxes) - whole).abs().max()) < 10 * _NOISE:
            unnoticed.append(name)
        block.load_state_dict(kept)

    assert [name for name in unnoticed if not any(part in name for part in _UNUSED)] == []
    assert float((_ours(family, image, boxes) - whole).abs().max()) < _NOISE


def _blocks(model: Any) -> Iterator[tuple[str, torch.nn.Module]]:
    """The parts of a model that have weights: its embeddings, layers, necks, norms and heads."""
    for name, part in model.named_modules():
        parts = name.split(".")
        is_list = any(isinstance(child, torch.nn.ModuleList) for child in part.children())
        is_layer = len(parts) <= 4 and parts[-1].isdigit()
        is_single = len(parts) == 2 and not is_list and not isinstance(part, torch.nn.ModuleList)
        if (is_layer or is_single) and any(True for _ in part.parameters()):
            yield name, part


def test_masks_come_in_the_order_of_their_boxes_and_bad_boxes_have_none() -> None:
    image = _picture(97, 181)
    boxes = np.array([[5, 5, 60, 60], [np.nan, 0, 9, 9], [50, 50, 40, 60], [20, 30, 170, 90]], np.float32)
    masker = PromptedMasker("sam", *_loaded("sam"), torch.device("cpu"))

    found = masker.masks(image, boxes)

    expected = [logits > 0 for logits in _theirs("sam", image, boxes[[0, 3]].astype(np.float64))]
    assert len(found) == 4
    assert found[1] is None
    assert found[2] is None
    for mask, pixels in zip((found[0], found[3]), expected, strict=True):
        assert mask is None or np.array_equal(pixels_of(mask), pixels.numpy())


def test_a_picture_without_boxes_costs_nothing() -> None:
    model, processor = _loaded("sam")
    masker = PromptedMasker("sam", model, processor, torch.device("cpu"))
    model.get_image_embeddings, kept = None, model.get_image_embeddings

    try:
        assert masker.masks(_picture(40, 60), np.zeros((0, 4), np.float32)) == []
    finally:
        model.get_image_embeddings = kept
