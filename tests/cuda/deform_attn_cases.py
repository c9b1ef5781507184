"""Test cases of deformable attention, and their exact results in float64 without grid_sample.

Letters as in cuda/deform_attn.py; X stands for B * N.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from groundcast.cuda.deform_attn import Kernel, deform_attn

LEVELS = [(9, 13), (5, 7), (1, 3), (4, 1), (1, 1)]


@dataclass(frozen=True)
class Case:
    """The arguments of `deform_attn`."""

    value: Tensor
    shapes: list[tuple[int, int]]
    reference: Tensor
    projected: Tensor
    points: int

    def to(self, dtype: torch.dtype) -> Case:
        """As `dtype`, but with reference points in fp32, or in fp64 if `dtype` is."""
        places = self.reference.double() if dtype == torch.float64 else self.reference
        return replace(self, value=self.value.to(dtype), projected=self.projected.to(dtype), reference=places)

    def run(self, kernel: Kernel = "auto") -> Tensor:
        return deform_attn(self.value, self.shapes, self.reference, self.projected, self.points, kernel)

    def truth(self) -> Tensor:
        """The definition in float64: gather four corners, sum."""
        B, S, N, D = self.value.shape
        Q, L, P = self.projected.shape[1], len(self.shapes), self.points
        offsets, logits = self.projected.double().split([N * L * P * 2, N * L * P], dim=-1)
        offsets = offsets.reshape(B, Q, N, L, P, 2)
        weights = logits.reshape(B, Q, N, L * P).softmax(-1).view(B, Q, N, L, P)
        value_XSD = self.value.double().transpose(1, 2).reshape(B * N, S, D)
        out = torch.zeros(B, Q, N, D, dtype=torch.float64)
        first = 0
        for level, (height, width) in enumerate(self.shapes):
            sizes = torch.tensor([width, height], dtype=torch.float64)
            place = self.reference[:, :, level].double()[:, :, None, None]
            step = place[..., 2:] / (2 * P) if place.shape[-1] == 4 else 1 / sizes
            at = (place[..., :2] + offsets[:, :, :, level] * step) * sizes - 0.5
            for corner in (torch.tensor([x, y]) for x in (0, 1) for y in (0, 1)):
                cell = at.floor() + corner
                share = (1 - (at - cell).abs()).prod(-1) * weights[:, :, :, level]
                is_cell = ((cell >= 0) & (cell < sizes)).all(-1)
                index = torch.where(is_cell, cell[..., 1] * width + cell[..., 0], 0).long() + first
                index_XK = index.transpose(1, 2).reshape(B * N, -1)
                read = value_XSD.gather(1, index_XK[..., None].expand(-1, -1, D)).view(B, N, Q, P, D).transpose(1, 2)
                out += torch.where(is_cell[..., None], share[..., None] * read, 0).sum(-2)
            first += height * width
        return out.flatten(2)


def case(B: int = 2, N: int = 3, D: int = 8, Q: int = 33, L: int = 3, P: int = 4, wide: int = 2, seed: int = 0) -> Case:
    """Odd sizes, points up to a third of a picture outside it, offsets of a few cells."""
    generator = torch.Generator().manual_seed(seed)
    shapes = LEVELS[:L]
    value = torch.randn(B, sum(h * w for h, w in shapes), N, D, generator=generator)
    reference = torch.rand(B, Q, L, wide, generator=generator)
    reference[..., :2] = reference[..., :2] * 1.6 - 0.3
    projected = torch.randn(B, Q, N * L * P * 3, generator=generator) * 2
    return Case(value, shapes, reference, projected, P)


SIZES = [
    *({"L": L, "P": P} for L, P in ((1, 1), (1, 8), (2, 3), (3, 4), (4, 4), (5, 2), (5, 8))),
    {"B": 1, "N": 1, "D": 1, "Q": 1, "P": 1},
    {"B": 1, "N": 8, "D": 32, "Q": 33},
    {"B": 3, "N": 4, "D": 5, "Q": 17, "P": 3},
]


def draws(count: int = 8, **sizes: int) -> list[Case]:
    return [case(**sizes, seed=seed) for seed in range(count)]


def assert_as_exact(kernel: Kernel, cases: Sequence[Case]) -> None:
    """The maximum and mean errors are at most twice plain PyTorch's in the same dtype.

    Over all cases together: with few samples, the maximum depends on one lucky rounding.
    """
    ours, theirs = _errors(kernel, cases), _errors("reference", cases)
    assert ours.max() <= 2 * theirs.max() + 2e-7
    assert ours.mean() <= 2 * theirs.mean() + 2e-8


def _errors(kernel: Kernel, cases: Sequence[Case]) -> Tensor:
    errors: list[Tensor] = []
    for one in cases:
        out, truth = one.run(kernel), one.truth()
        assert out.dtype == one.value.dtype
        assert out.shape == truth.shape
        errors.append((out - truth).abs().flatten())
    return torch.cat(errors)


def assert_odd_places_read_nothing(kernel: Kernel, dtype: torch.dtype) -> None:
    """Points far outside, NaN and infinite read zero."""
    cases = case(Q=7, L=2, P=2).to(dtype)
    cases.reference[:, 0] = 9.0
    cases.reference[:, 1] = float("nan")
    cases.reference[:, 2, :, 0] = float("inf")
    out = cases.run(kernel)
    assert torch.equal(out[:, :3], torch.zeros_like(out[:, :3]))
    assert torch.isfinite(out).all()
    assert out[:, 3:].abs().sum() > 0


def assert_expanded_is_the_same(kernel: Kernel) -> None:
    """References expanded over pictures, or over levels."""
    for cases in (case(N=1, L=3, P=1, Q=9, wide=2), case(N=1, L=3, P=1, Q=9, wide=4)):
        for one in (cases.reference[:1].expand(2, -1, -1, -1), cases.reference[:, :, :1].expand(-1, -1, 3, -1)):
            expanded, copied = replace(cases, reference=one), replace(cases, reference=one.contiguous())
            assert torch.equal(expanded.run(kernel), copied.run(kernel))
