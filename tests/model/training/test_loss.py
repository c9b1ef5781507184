"""Losses: they equal the published ones, have the right divisor, and reach every weight."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.ops import box_convert, generalized_box_iou_loss, sigmoid_focal_loss

from groundcast.model.dino.grounding_dino import Enhanced, GroundingDino, Output
from groundcast.model.dino.picture_area import PictureArea
from groundcast.model.dino.query_selection import Selected
from groundcast.model.training.batch import Batch, stack
from groundcast.model.training.denoising import Noised
from groundcast.model.training.detection import DetectionTask
from groundcast.model.training.finetune import PARTS, FinetuneRecipe
from groundcast.model.training.loss import LossWeights, detection_loss
from groundcast.model.training.matching import Truth, match
from groundcast.model.training.optimiser import keep_frozen_parts_still, optimiser
from groundcast.model.training.trainer import TrainingOptions

from ..tiny import tiny_model, without_zeros
from .drawn_examples import draw_examples, full_config

B, Q, K, T = 3, 12, 8, 6
NO_WORD = torch.tensor([[False] * 6, [False] * 4 + [True] * 2, [False] * 5 + [True]])


def _boxes(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, 4, generator=torch.Generator().manual_seed(seed)) * 0.4 + 0.2


def _logits(queries: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(B, queries, T, generator=torch.Generator().manual_seed(seed)) * 2
    return drawn.masked_fill(NO_WORD[:, None], float("-inf"))


def _truths() -> list[Truth]:
    answers = torch.rand(9, T, generator=torch.Generator().manual_seed(1)) < 0.4
    return [
        Truth(_boxes(count, seed=40 + row), answers[first : first + count] & ~NO_WORD[row])
        for row, (first, count) in enumerate(((0, 4), (4, 5), (9, 0)))
    ]


def _output() -> Output:
    selected = Selected(torch.arange(Q).expand(B, -1), torch.zeros(B, Q, 4), _boxes(B, Q, seed=5), _logits(Q, 6))
    enhanced = Enhanced(torch.zeros(B, 1, 4), ((1, 1),), torch.zeros(B, T, 4), NO_WORD, None, None)
    chosen = tuple(_logits(Q, seed) for seed in (10, 11)), tuple(_boxes(B, Q, seed=seed) for seed in (12, 13))
    extra = tuple(_logits(K, seed) for seed in (14, 15)), tuple(_boxes(B, K, seed=seed) for seed in (16, 17))
    return Output(*chosen, *extra, selected, enhanced)


def _noised() -> Noised:
    """Two groups in the first picture, one in the second, none in the third."""
    group = torch.tensor([[0] * 4 + [1] * 4, [0] * 4 + [-1] * 4, [-1] * 8])
    truth = torch.tensor([[0, 1, -1, -1, 2, 3, -1, -1], [4, -1, 0, -1, -1, -1, -1, -1], [-1] * 8])
    return Noised(_boxes(B, K, seed=30), torch.zeros(B, K, T), group, truth)


def _published(
    logits_QT: torch.Tensor, boxes_Q4: torch.Tensor, rows: list[int], truth: Truth, own: list[int], words: torch.Tensor
) -> dict[str, torch.Tensor]:
    """One picture and one layer, by torchvision's formulas; sums."""
    wanted_QT = torch.zeros_like(logits_QT)
    wanted_QT[rows] = truth.answers_GT[own].float()
    found, true = (box_convert(boxes, "cxcywh", "xyxy") for boxes in (boxes_Q4[rows], truth.boxes_G4[own]))
    return {
        "class": sigmoid_focal_loss(logits_QT[:, words], wanted_QT[:, words], alpha=0.25, gamma=2, reduction="sum"),
        "l1": torch.nn.functional.l1_loss(boxes_Q4[rows], truth.boxes_G4[own], reduction="sum"),
        "giou": generalized_box_iou_loss(found, true, reduction="sum"),
    }


def test_each_layer_costs_what_the_published_formulas_say() -> None:
    output, truths = _output(), _truths()
    weights = LossWeights()
    ours = detection_loss(output, truths, weights, 7.0)
    total = torch.zeros(())
    layers = [(logits, boxes, "") for logits, boxes in zip(output.logits, output.boxes, strict=True)]
    layers.append((output.selected.logits_BQT, output.selected.boxes_BQ4, "proposal_"))
    for logits, boxes, name in layers:
        sums = {part: torch.zeros(()) for part in ("class", "l1", "giou")}
        for row, (queries, own) in enumerate(match(logits, boxes, truths, weights.costs)):
            one = _published(logits[row], boxes[row], queries.tolist(), truths[row], own.tolist(), ~NO_WORD[row])
            sums = {part: value + one[part] for part, value in sums.items()}
        means = {part: value / 7.0 for part, value in sums.items()}
        total = total + 2 * means["class"] + 5 * means["l1"] + 2 * means["giou"]
        for part in means if layers[-2][0] is logits or name else ():
            torch.testing.assert_close(ours[name + part], means[part])
    torch.testing.assert_close(ours["total"], total)


def test_noised_boxes_cost_what_their_own_truths_say_however_many_groups() -> None:
    output, truths, noised = _output(), _truths(), _noised()
    ours = detection_loss(output, truths, LossWeights(), 7.0, noised)
    plain = detection_loss(output, truths, LossWeights(), 7.0)
    logits, boxes = output.extra_logits[-1], output.extra_boxes[-1]
    sums = {part: torch.zeros(()) for part in ("class", "l1", "giou")}
    for row, groups in ((0, 2), (1, 1)):
        here = noised.group_BK[row] >= 0
        queries = [k for k in range(K) if noised.truth_BK[row, k] >= 0]
        own = noised.truth_BK[row, queries].tolist()
        one = _published(logits[row][here], boxes[row][here], queries, truths[row], own, ~NO_WORD[row])
        sums = {part: value + one[part] / groups for part, value in sums.items()}
    for part, value in sums.items():
        torch.testing.assert_close(ours[f"noised_{part}"], value / 7.0)
    assert float(ours["total"]) > float(plain["total"])


@pytest.mark.parametrize("body", ["full", "edge"])
def test_every_weight_that_should_learn_gets_a_gradient(body: str) -> None:
    torch.manual_seed(0)
    model = tiny_model() if body == "edge" else without_zeros(GroundingDino(full_config()))
    model.train()
    task = DetectionTask(model, LossWeights(dense=1.0 if body == "edge" else 0.0), denoise=True)
    batch = stack(draw_examples(np.random.default_rng(2), pictures=2, padded=True))
    task.losses(batch, task.size(batch))["total"].backward()
    unused = ("mask_token",)
    for helper, network in task.networks.items():
        for name, parameter in network.named_parameters():
            if not name.endswith(unused):
                assert parameter.grad is not None, f"{helper}.{name}"
                assert torch.isfinite(parameter.grad).all(), f"{helper}.{name}"
                assert float(parameter.grad.abs().max()) > 0, f"{helper}.{name}"


def _gradient(model: GroundingDino, batches: list[Batch]) -> torch.Tensor:
    model.zero_grad()
    torch.manual_seed(1)
    task = DetectionTask(model, denoise=True)
    size = sum(task.size(batch) for batch in batches) / len(batches)
    for batch in batches:
        (task.losses(batch, size)["total"] / len(batches)).backward()
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(gradients)


def test_two_small_batches_teach_what_one_large_one_does() -> None:
    """Though the pictures hold different numbers of boxes."""
    torch.manual_seed(0)
    model = without_zeros(GroundingDino(full_config())).train()
    halves = [draw_examples(np.random.default_rng(seed), pictures=2, boxes=boxes) for seed, boxes in ((4, 1), (5, 3))]
    apart = _gradient(model, [stack(half) for half in halves])
    together = _gradient(model, [stack([*halves[0], *halves[1]])])
    assert float((apart - together).norm()) < 1e-4 * float(together.norm())


@pytest.mark.parametrize("body", ["full", "edge"])
def test_what_is_computed_again_teaches_the_same(body: str) -> None:
    torch.manual_seed(0)
    model = tiny_model() if body == "edge" else without_zeros(GroundingDino(full_config()))
    model.train()
    batch = stack(draw_examples(np.random.default_rng(4), pictures=2))
    kept = _gradient(model, [batch])
    calls: list[nn.Module] = []

    def count(layer: nn.Module, inputs: object) -> None:
        calls.append(layer)

    model.encoder.layers[0].register_forward_pre_hook(count)
    model.recompute()
    again = _gradient(model, [batch])
    assert len(calls) == 2  # forth, and once more on the way back
    torch.testing.assert_close(again, kept, atol=1e-3, rtol=1e-3)


def test_what_a_box_costs_does_not_depend_on_how_far_its_input_is_padded() -> None:
    """The full body measures in the picture: half of a wide input is the whole of a narrow one."""
    output, truths = _output(), _truths()
    area = PictureArea(((1, 1),), (((1, 1),),) * B, torch.device("cpu"))
    half = torch.tensor([[0.5, 0.8]] * B)
    wide = half.repeat(1, 2)[:, None]

    def padded(boxes: torch.Tensor) -> torch.Tensor:
        return boxes * wide

    enhanced = replace(output.enhanced, valid_B2=half, area=area)
    selected = replace(output.selected, boxes_BQ4=padded(output.selected.boxes_BQ4))
    boxes = tuple(padded(one) for one in output.boxes)
    shrunk = replace(output, boxes=boxes, selected=selected, enhanced=enhanced, extra_logits=(), extra_boxes=())
    moved = [Truth(truth.boxes_G4 * wide[0], truth.answers_GT) for truth in truths]
    whole, part = detection_loss(output, truths, LossWeights(), 7.0), detection_loss(shrunk, moved, LossWeights(), 7.0)
    for name, value in part.items():
        torch.testing.assert_close(value, whole[name])


@pytest.mark.parametrize("body", ["full", "edge"])
def test_parts_share_no_weight_and_leave_none_of_theirs_out(body: str) -> None:
    model = GroundingDino(full_config()) if body == "full" else tiny_model()
    owners = {
        name: [part for part, patterns in PARTS.items() if any(fnmatchcase(f"model.{name}", one) for one in patterns)]
        for name, _ in model.named_parameters()
    }
    assert all(len(own) <= 1 for own in owners.values())
    free = {name for name, own in owners.items() if not own}
    assert all(name.startswith("encoder.") and "text" not in name for name in free)
    fusion = [name for name in owners if ".fusion." in name]
    assert len(fusion) == 18 * len(model.encoder.layers)
    assert all(owners[name] == ["fusion"] for name in fusion)
    optimiser("model", model, 0.0, FinetuneRecipe(TrainingOptions(1), only=("fusion",)).speeds)
    assert {name for name, own in model.named_parameters() if own.requires_grad} == set(fusion)


def test_a_frozen_decoder_still_tells_what_each_layer_costs() -> None:
    model = without_zeros(GroundingDino(full_config()))
    optimiser("model", model, 0.0, FinetuneRecipe(TrainingOptions(1), only=("fusion",)).speeds)
    keep_frozen_parts_still(model)
    task = DetectionTask(model)
    batch = stack(draw_examples(np.random.default_rng(2), pictures=2))
    frozen = task.losses(batch, 4.0)["total"].detach()
    model.train()
    torch.testing.assert_close(task.losses(batch, 4.0)["total"].detach(), frozen)


def test_of_an_unknown_word_only_queries_that_stand_for_a_box_are_judged() -> None:
    """A box of something else is not that; any other query may show an object that has no box."""
    logits = _logits(Q, 10).requires_grad_()
    output = replace(_output(), logits=(logits,), boxes=(_boxes(B, Q, seed=12),), extra_logits=(), extra_boxes=())
    unknown = torch.tensor([False, True, False, False, False, False])
    truths = [replace(truth, unknown_T=unknown) for truth in _truths()]

    detection_loss(output, truths, LossWeights(), 1.0)["total"].backward()

    assert logits.grad is not None
    pairs = match(logits.detach(), output.boxes[0], truths, LossWeights().costs)
    for row, (queries, _) in enumerate(pairs):
        stands = torch.zeros(Q, dtype=torch.bool)
        stands[queries] = True
        assert (logits.grad[row, stands, 1] != 0).all()
        assert (logits.grad[row, ~stands, 1] == 0).all()
        assert (logits.grad[row, ~stands, 0] != 0).all()
