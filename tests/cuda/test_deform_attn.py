"""Every kernel of deformable attention against the exact result; Triton's in a separate process."""

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
    """Every allocated tensor is filled with NaN."""
    real = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape, **kwargs: real(*shape, **kwargs).fill_(float("nan")))


@pytest.mark.parametrize("wide", [2, 4])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_reference_is_the_definition(sizes: dict[str, int], wide: int) -> None:
    example = case(**sizes, wide=wide).to(torch.float64)
    torch.testing.assert_close(example.run("reference"), example.truth(), atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_reference_computes_points_in_float32(dtype: torch.dtype) -> None:
    wide = case(L=1, N=1, P=1, Q=9, D=1)
    ramp = torch.arange(2000, dtype=torch.float64)[None, :, None, None] / 2000
    example = replace(wide, value=ramp.expand(2, -1, -1, -1), shapes=[(1, 2000)], projected=torch.zeros(2, 9, 3))
    example.reference.uniform_(0.2, 0.8, generator=torch.Generator().manual_seed(1))
    example.reference[..., 1] = 0.5
    rounding = 2 * torch.finfo(dtype).eps
    assert (example.to(dtype).run("reference") - example.truth()).abs().max() <= rounding + 1e-6


def test_the_reference_has_right_gradients() -> None:
    example = case(B=1, N=1, D=2, Q=2, L=2, P=2, wide=4).to(torch.float64)
    leaves = (example.value.requires_grad_(), example.reference.requires_grad_(), example.projected.requires_grad_())

    def run(*inputs: torch.Tensor) -> torch.Tensor:
        return deform_attn(inputs[0], example.shapes, inputs[1], inputs[2], 2, kernel="reference")

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


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.bfloat16, marks=pytest.mark.slow)])
def test_the_threaded_kernel_gives_the_same(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    example = case(Q=70).to(dtype)
    alone = example.run("cpu")
    monkeypatch.setattr(cpu_kernel, "_MIN_PARALLEL_WORK", 0)
    assert torch.equal(example.run("cpu"), alone)


def test_serial_and_parallel_machine_code_are_cached_apart() -> None:
    """numba's disk cache ignores options: with one name, the parallel kernel loads the serial one's machine code."""
    files: list[Any] = [cpu_kernel._compiled(parallel) for parallel in (False, True)]
    assert len({one.py_func.__qualname__ for one in files}) == 2


def test_logits_of_any_size_become_weights() -> None:
    cases = draws()
    for one in cases:
        one.projected[..., -36:] *= 60.0  # some exponentials would overflow, others underflow
    assert_as_exact("cpu", cases)


def test_nan_reaches_the_output() -> None:
    example = case()
    example.projected[0, 0, -1] = float("nan")  # a logit of the last head
    example.value[1] = float("nan")
    out = example.run("cpu")
    assert out[0, 0, -8:].isnan().all()
    assert torch.isfinite(out[0, 1:]).all()
    assert out[1].isnan().any()


def test_an_expanded_reference_is_the_same() -> None:
    assert_expanded_is_the_same("cpu")


def test_auto_learns_through_the_reference() -> None:
    example = case()
    for learning in (example.value, example.projected):
        learning.requires_grad_()
        example.run().sum().backward()
        assert learning.grad is not None
        assert learning.grad.abs().sum() > 0
        learning.requires_grad_(False)


def test_without_gradients_learnt_tensors_take_the_fast_kernel() -> None:
    example = case()
    example.value.requires_grad_()
    with torch.no_grad():
        assert torch.equal(example.run(), example.run("cpu"))
    with pytest.raises(KernelError, match="no backward"):
        example.run("cpu")


def test_a_kernel_that_cannot_run_says_why() -> None:
    example = case()
    with pytest.raises(KernelError, match=r"bfloat16, not torch\.float64"):
        example.to(torch.float64).run("cpu")
    with pytest.raises(KernelError, match="it needs CUDA"):
        example.run("triton")
    assert "triton" not in sys.modules or not sys.modules["triton"].knobs.runtime.interpret


def test_the_op_passes_pytorchs_op_checks() -> None:
    example = case(wide=4)
    sizes = [size for shape in example.shapes for size in shape]
    checked: Any = torch.library.opcheck(
        deform_attn_op, (example.value, sizes, example.reference, example.projected, example.points, "cpu")
    )
    assert set(checked.values()) == {"SUCCESS"}


@torch.no_grad()
def test_torch_compile_takes_it_as_one_op() -> None:
    example = case()
    compiled: Any = torch.compile(deform_attn, fullgraph=True, backend="aot_eager")
    out = compiled(example.value, example.shapes, example.reference, example.projected, example.points)
    assert torch.equal(out, example.run("cpu"))


@pytest.mark.slow
def test_the_triton_kernel_in_its_interpreter() -> None:
    """In a separate process: the interpreter is chosen before Triton is imported, which cannot load beside OSMesa."""
    tests = Path(__file__).with_name("interpreted_triton.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    ended = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
