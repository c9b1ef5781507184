"""No op of the network waits for a GPU or sends it numbers from the host: PyTorch acts as if there were one.

Tensors have shapes and a device here and no values, so that whatever looks at a value fails.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateImportUsage=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from groundcast.cuda.size_cache import cached
from groundcast.launch.bench.oracle import save
from groundcast.model.dino import swin
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.dino.text_encoder import TextFeatures
from groundcast.model.runtime.fold import fold_norms, join_groups, join_projections, join_values
from groundcast.model.runtime.postprocess import CaptionAnswer, ReportRules, WordingSpans, candidates
from groundcast.model.weights.checkpoint import find_checkpoint, read_checkpoint

from .oracle import Sizes, oracle
from .tiny import tiny_model

GPU = torch.device("cuda:7")  # what is kept per size is kept per device: no other test has this one
FAKE = FakeTensorMode()


class Watch(TorchDispatchMode):
    """Refuses what has tensors of two devices: PyTorch would copy one of them, and wait."""

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        devices = {one.device for one in tree_leaves((args, kwargs, result)) if isinstance(one, torch.Tensor)}
        assert devices <= {GPU}, f"{function} has tensors on {devices}"
        return result


def _folded(model: GroundingDino) -> GroundingDino:
    """As it runs on a GPU."""
    fold_norms(model)
    join_groups(model)
    join_projections(model)
    join_values(model)
    return model.eval()


def _without_values(model: GroundingDino) -> GroundingDino:
    """The same there, while PyTorch pretends."""
    for part in model.modules():
        for name, own in [*part.named_parameters(recurse=False)]:
            there = torch.empty(own.shape, dtype=own.dtype, device=GPU)
            setattr(part, name, nn.Parameter(there, requires_grad=False))
        for name, own in [*part.named_buffers(recurse=False)]:
            setattr(part, name, torch.empty(own.shape, dtype=own.dtype, device=GPU))
    return model


_plan = swin._plan


def _planned(batch: int, size: swin.Size, window: swin.Size, shift: swin.Size, device: torch.device) -> Any:
    """Which cells lie in which window depends on values: it is worked out once a size, and may wait."""
    with unset_fake_temporarily():
        real = _plan(batch, size, window, shift, torch.device("cpu"))
    there = {
        name: torch.empty(own.shape, dtype=own.dtype, device=device)
        for name in ("cells", "empty", "back", "mask_NAA")
        if (own := getattr(real, name)) is not None
    }
    return replace(real, **there)


def _text(B: int, T: int, C: int) -> TextFeatures:
    numbers = torch.zeros(B, T, dtype=torch.long, device=GPU)
    mask = torch.zeros(B, 1, T, T, device=GPU)
    return TextFeatures(torch.zeros(B, T, C, device=GPU), numbers, mask, numbers.bool())


def _wordings(W: int, T: int) -> WordingSpans:
    rows = torch.zeros(W, dtype=torch.long, device=GPU)
    shares = torch.zeros(W, T, device=GPU)
    return WordingSpans(shares.bool(), shares, rows, rows, rows)


def _edge(_: Path) -> GroundingDino:
    return tiny_model()


def _full(folder: Path) -> GroundingDino:
    return GroundingDino(read_checkpoint(find_checkpoint(str(save(oracle(Sizes()), folder)))).config)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("rule", "one_phrase"),
    [
        *(("mean", True), ("max", False)),
        *(pytest.param(*rules, marks=pytest.mark.slow) for rules in (("mean", False), ("max", True))),
    ],
)
@pytest.mark.parametrize("make", [_edge, _full])
def test_from_the_picture_to_the_candidates(
    make: Callable[[Path], GroundingDino],
    rule: Literal["mean", "max"],
    one_phrase: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swin, "_plan", cached(32)(_planned))
    model = _folded(make(tmp_path))
    rules = ReportRules(score_rule=rule, one_phrase=one_phrase)
    with FAKE:
        there = _without_values(model)
        inputs = torch.zeros(2, 3, 64, 96, device=GPU), _text(3, 16, model.config.width)
        rows = torch.zeros(3, dtype=torch.long, device=GPU)
        there(*inputs, None, rows)  # what is kept per size is made once, and may wait
        with Watch():
            output = there(*inputs, None, rows)
            answer = CaptionAnswer(output.logits[-1][0], output.boxes[-1][0], _wordings(3, 16))
            found = candidates(answer, rules)
    assert (found.device, found.shape[1]) == (GPU, 6)


def test_what_waits_is_noticed() -> None:
    with FAKE:
        boxes = torch.zeros(2, 4, device=GPU)
        with pytest.raises(DataDependentOutputException):
            boxes.max().item()
        with Watch(), pytest.raises(AssertionError, match="tensors on"):
            boxes[..., [1, 0, 2, 3]]
