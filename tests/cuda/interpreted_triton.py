"""The Triton kernel of deformable attention on a CPU; test_deform_attn.py runs this file with TRITON_INTERPRET=1."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from .deform_attn_cases import assert_as_exact, assert_expanded_is_the_same, assert_odd_places_read_nothing, draws

kernel = pytest.importorskip("groundcast.cuda.deform_attn_triton", exc_type=ModuleNotFoundError)

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture(autouse=True)
def _nan_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's output is filled with NaN beforehand."""
    real = torch.Tensor.new_empty
    monkeypatch.setattr(
        torch.Tensor, "new_empty", lambda own, *shape, **kw: real(own, *shape, **kw).fill_(float("nan"))
    )


@pytest.mark.parametrize("wide", [2, 4])
@pytest.mark.parametrize(("L", "P", "D"), [(1, 1, 1), (1, 8, 5), (2, 3, 8), (3, 4, 32), (4, 4, 8), (5, 2, 16)])
def test_it_is_as_exact_as_the_reference(monkeypatch: pytest.MonkeyPatch, L: int, P: int, D: int, wide: int) -> None:
    monkeypatch.setattr(kernel, "_MIN_QUERIES", 128)  # the interpreter takes as long for few queries as for many
    assert_as_exact("triton", draws(1, B=1, N=2, Q=150, L=L, P=P, D=D, wide=wide))


def test_it_is_as_exact_in_half_precision() -> None:
    assert_as_exact("triton", [one.to(torch.float16) for one in draws(1, Q=65, N=2, L=2, P=1, wide=4)])


def test_bfloat16_is_right_to_its_last_place() -> None:
    """The interpreter truncates sums to bfloat16, where a GPU rounds: twice the rounding error is allowed."""
    (example,) = (one.to(torch.bfloat16) for one in draws(1, Q=65, N=2, L=2, P=1, wide=4))
    truth = example.truth()
    assert ((example.run("triton") - truth).abs() <= truth.abs() * torch.finfo(torch.bfloat16).eps + 2e-6).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_odd_places_read_nothing(dtype: torch.dtype) -> None:
    assert_odd_places_read_nothing("triton", dtype)


def test_an_expanded_reference_is_the_same() -> None:
    assert_expanded_is_the_same("triton")


def test_values_that_lie_between_others_are_not_copied() -> None:
    """As where one product computes the values of all decoder layers."""
    (example,) = draws(1, Q=9, N=2, D=8, L=2, P=1)
    wide = torch.full((*example.value.shape[:2], 3 * 16), float("nan"))
    wide[..., 16:32] = example.value.flatten(2)
    between = replace(example, value=wide[..., 16:32].unflatten(-1, (2, 8)))
    assert not between.value.is_contiguous()
    assert torch.equal(between.run("triton"), example.run("triton"))
