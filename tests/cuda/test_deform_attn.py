"""Every kernel of deformable attention against the truth; Triton's in a process of its own."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from groundcast.cuda import deform_attn_cpu as cpu_kernel
from groundcast.cuda.deform_attn import KernelError, deform_attn, deform_attn_op

from .deform_attn_cases import (
    SIZES,
    assert_as_exact,
    assert_expanded_is_the_same,
    assert_odd_places_read_nothing,
    case,
    draws,
)


@pytest.fixture
def _nan_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is allocated begins as NaN."""
    real = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape, **kwargs: real(*shape, **kwargs).fill_(float("nan")))


@pytest.mark.parametrize("wide", [2, 4])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_reference_is_the_definition(sizes: dict[str, int], wide: int) -> None:
    asked = case(**sizes, wide=wide).to(torch.float64)
    torch.testing.assert_close(asked.run("reference"), asked.truth(), atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_reference_counts_places_in_float32(dtype: torch.dtype) -> None:
    wide = case(L=1, N=1, P=1, Q=9, D=1)
    ramp = torch.arange(2000, dtype=torch.float64)[None, :, None, None] / 2000
    asked = replace(wide, value=ramp.expand(2, -1, -1, -1), shapes=[(1, 2000)], projected=torch.zeros(2, 9, 3))
    asked.reference.uniform_(0.2, 0.8, generator=torch.Generator().manual_seed(1))
    asked.reference[..., 1] = 0.5
    rounding = 2 * torch.finfo(dtype).eps
    assert (asked.to(dtype).run("reference") - asked.truth()).abs().max() <= rounding + 1e-6


def test_the_reference_has_right_gradients() -> None:
    asked = case(B=1, N=1, D=2, Q=2, L=2, P=2, wide=4).to(torch.float64)
    leaves = (asked.value.requires_grad_(), asked.reference.requires_grad_(), asked.projected.requires_grad_())

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        return deform_attn(inputs[0], asked.shapes, inputs[1], inputs[2], 2, kernel="reference")

    assert torch.autograd.gradcheck(run, leaves)


@pytest.mark.usefixtures("_nan_outputs")
@pytest.mark.parametrize("wide", [2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_cpu_kernel_is_as_exact_as_the_reference(sizes: dict[str, int], dtype: torch.dtype, wide: int) -> None:
    assert_as_exact("cpu", [one.to(dtype) for one in draws(**sizes, wide=wide)])


@pytest.mark.usefixtures("_nan_outputs")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_odd_places_read_nothing(dtype: torch.dtype) -> None:
    assert_odd_places_read_nothing("cpu", dtype)
    assert_odd_places_read_nothing("reference", dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_threaded_kernel_gives_the_same(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    asked = case(Q=70).to(dtype)
    alone = asked.run("cpu")
    monkeypatch.setattr(cpu_kernel, "_WORTH_THREADS", 0)
    assert torch.equal(asked.run("cpu"), alone)


def test_machine_code_with_and_without_threads_is_filed_apart() -> None:
    """numba's files do not tell options apart: under one name, threads were handed what was compiled without them."""
    files: list[Any] = [cpu_kernel._compiled(parallel) for parallel in (False, True)]
    assert len({one.py_func.__qualname__ for one in files}) == 2


def test_logits_of_any_size_become_weights() -> None:
    asked = draws()
    for one in asked:
        one.projected[..., -36:] *= 60.0  # exponentials that would overflow, and ones that vanish
    assert_as_exact("cpu", asked)


def test_what_is_not_a_number_shows() -> None:
    asked = case()
    asked.projected[0, 0, -1] = float("nan")  # a logit of the last head
    asked.value[1] = float("nan")
    out = asked.run("cpu")
    assert out[0, 0, -8:].isnan().all()
    assert torch.isfinite(out[0, 1:]).all()
    assert out[1].isnan().any()


def test_an_expanded_reference_is_the_same() -> None:
    assert_expanded_is_the_same("cpu")


def test_auto_learns_through_the_reference() -> None:
    asked = case()
    for learning in (asked.value, asked.projected):
        learning.requires_grad_()
        asked.run().sum().backward()
        assert learning.grad is not None
        assert learning.grad.abs().sum() > 0
        learning.requires_grad_(False)


def test_without_gradients_learnt_tensors_take_the_fast_kernel() -> None:
    asked = case()
    asked.value.requires_grad_()
    with torch.no_grad():
        assert torch.equal(asked.run(), asked.run("cpu"))
    with pytest.raises(KernelError, match="no backward"):
        asked.run("cpu")


def test_a_kernel_that_cannot_run_says_why() -> None:
    asked = case()
    with pytest.raises(KernelError, match=r"bfloat16, not torch\.float64"):
        asked.to(torch.float64).run("cpu")
    with pytest.raises(KernelError, match="it needs CUDA"):
        asked.run("triton")
    assert "triton" not in sys.modules or not sys.modules["triton"].knobs.runtime.interpret


def test_the_op_keeps_the_rules_of_pytorch() -> None:
    asked = case(wide=4)
    sizes = [size for shape in asked.shapes for size in shape]
    checked: Any = torch.library.opcheck(
        deform_attn_op, (asked.value, sizes, asked.reference, asked.projected, asked.points, "cpu")
    )
    assert set(checked.values()) == {"SUCCESS"}


@torch.no_grad()
def test_compilers_take_it_whole() -> None:
    asked = case()
    compiled: Any = torch.compile(deform_attn, fullgraph=True, backend="aot_eager")
    out = compiled(asked.value, asked.shapes, asked.reference, asked.projected, asked.points)
    assert torch.equal(out, asked.run("cpu"))


@pytest.mark.slow
def test_the_triton_kernel_in_its_interpreter() -> None:
    """In a process of its own: the interpreter is chosen before Triton is imported, and Triton bears no OSMesa."""
    tests = Path(__file__).with_name("interpreted_triton.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    ended = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
