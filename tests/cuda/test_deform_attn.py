# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
"""Every kernel of deformable attention against the reference."""

from __future__ import annotations

import pytest
import torch

from groundcast.cuda import deform_attn_cpu as cpu_kernel
from groundcast.cuda.deform_attn import KernelError, deform_attn
from groundcast.cuda.deform_attn_reference import deform_attn_reference

Case = tuple[torch.Tensor, list[tuple[int, int]], torch.Tensor, torch.Tensor]


def _case(B: int = 2, N: int = 3, D: int = 8, Q: int = 7, P: int = 4, seed: int = 0) -> Case:
    """Odd sizes, and places up to half a picture outside it."""
    shapes = [(9, 13), (5, 7), (1, 3)]
    generator = torch.Generator().manual_seed(seed)
    value = torch.randn(B, sum(h * w for h, w in shapes), N, D, generator=generator)
    locations = torch.rand(B, Q, N, len(shapes), P, 2, generator=generator) * 2 - 0.5
    weights = torch.rand(B, Q, N, len(shapes) * P, generator=generator).softmax(-1).view(B, Q, N, len(shapes), P)
    return value, shapes, locations, weights


def _by_hand(
    value: torch.Tensor, shapes: list[tuple[int, int]], locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The definition, one sample at a time, in float64."""
    B, Q, N, L, P = weights.shape
    out = torch.zeros(B, Q, N, value.shape[-1], dtype=torch.float64)
    starts = [sum(h * w for h, w in shapes[:level]) for level in range(L)]
    for b, q, n, level, p in torch.cartesian_prod(*(torch.arange(size) for size in (B, Q, N, L, P))).tolist():
        height, width = shapes[level]
        x = float(locations[b, q, n, level, p, 0]) * width - 0.5
        y = float(locations[b, q, n, level, p, 1]) * height - 0.5
        for cx in (int(x // 1), int(x // 1) + 1):
            for cy in (int(y // 1), int(y // 1) + 1):
                if 0 <= cx < width and 0 <= cy < height:
                    share = (1 - abs(x - cx)) * (1 - abs(y - cy)) * float(weights[b, q, n, level, p])
                    out[b, q, n] += share * value[b, starts[level] + cy * width + cx, n].double()
    return out.flatten(2)


def test_the_reference_is_the_definition() -> None:
    case = _case()
    torch.testing.assert_close(deform_attn_reference(*case).double(), _by_hand(*case), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("B", "N", "D", "Q", "P"), [(2, 3, 8, 7, 4), (1, 1, 1, 1, 1), (1, 8, 32, 33, 4), (3, 4, 5, 2, 3)]
)
def test_the_cpu_kernel_is_as_exact_as_the_reference(B: int, N: int, D: int, Q: int, P: int) -> None:
    value, shapes, locations, weights = _case(B, N, D, Q, P)
    truth = deform_attn_reference(value.double(), shapes, locations.double(), weights.double())
    ours = deform_attn(value, shapes, locations, weights, kernel="cpu")
    theirs = deform_attn_reference(value, shapes, locations, weights)
    assert (ours - truth).abs().max() <= 2 * (theirs - truth).abs().max() + 1e-7


def test_the_threaded_kernel_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _case()
    alone = deform_attn(*case, kernel="cpu")
    monkeypatch.setattr(cpu_kernel, "_WORTH_THREADS", 0)
    torch.testing.assert_close(deform_attn(*case, kernel="cpu"), alone, atol=0, rtol=0)


def test_every_output_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real_empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape: real_empty(*shape).fill_(float("nan")))
    value, shapes, locations, weights = _case()
    far = torch.full_like(locations, 9.0)
    assert torch.equal(deform_attn(value, shapes, far, weights, kernel="cpu"), torch.zeros(2, 7, 24))


def test_a_place_that_is_not_a_number_reads_nothing() -> None:
    value, shapes, locations, weights = _case()
    locations[0, 0] = float("nan")
    out = deform_attn(value, shapes, locations, weights, kernel="cpu")
    assert torch.equal(out[0, 0], torch.zeros(24))
    assert torch.isfinite(out).all()


def test_auto_learns_through_the_reference() -> None:
    value, shapes, locations, weights = _case()
    value.requires_grad_()
    deform_attn(value, shapes, locations, weights).sum().backward()
    assert value.grad is not None
    assert value.grad.abs().sum() > 0


def test_a_kernel_that_cannot_run_says_why() -> None:
    value, shapes, locations, weights = _case()
    with pytest.raises(KernelError, match="float32, not torch"):
        deform_attn(value.double(), shapes, locations, weights, kernel="cpu")
