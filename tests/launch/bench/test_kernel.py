"""Kernels side by side: figures are real, and there are none of a kernel that errs."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from groundcast.launch.bench import hardware, kernel
from groundcast.launch.bench.kernel import ask
from groundcast.launch.exits import RunError

CPU = torch.device("cpu")


@pytest.mark.parametrize("decoder", [False, True])
def test_transformers_is_asked_the_same(decoder: bool) -> None:
    asked = ask((64, 90), CPU, decoder=decoder).to(torch.float64)
    torch.testing.assert_close(asked.run_theirs(), asked.run("reference"))


@pytest.mark.slow
def test_every_kernel_is_timed_beside_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_SIDE", {"cpu": 64})
    monkeypatch.setattr(hardware, "_COPIED", {"cpu": 1 << 20})
    results = kernel.bench_kernel(7, CPU, ((96, 128),))["deform_attn"]
    assert [own["asked"].split()[0] for own in results] == ["encoder", "decoder"]
    for own in results:
        assert {"cpu, float32", "cpu, bfloat16", "transformers, float32"} <= set(own["median_s"])
        assert all(row["pairs"] == 7 and row["quartiles"][0] <= row["ratio"] for row in own["ratios"])
        assert all(line["share"] > 0.0 for line in own["roofline"].values())


def test_no_figure_of_a_kernel_that_errs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(value: Tensor, *arguments: Any) -> Tensor:
        out = deform_attn(value, *arguments)
        return out if arguments[-1] == "reference" else out * 1.1

    deform_attn = kernel.deform_attn
    monkeypatch.setattr(kernel, "deform_attn", broken)
    monkeypatch.setattr(kernel, "in_turns", lambda *_: pytest.fail("something was timed"))
    with pytest.raises(RunError, match="no figures"):
        kernel.bench_kernel(7, CPU, ((64, 90),))
