"""Kernel choice: what is logged if a fast kernel cannot run."""

# pyright: reportPrivateUsage=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from pathlib import Path

import pytest

from groundcast.cuda import kernel_choice


def test_a_machine_that_cannot_build_what_triton_needs_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacks = kernel_choice._missing_for_triton.__wrapped__
    monkeypatch.setattr(kernel_choice, "get_path", lambda *_: str(tmp_path))
    monkeypatch.setattr(kernel_choice, "which", lambda name: f"/usr/bin/{name}" if name == "clang" else None)
    assert lacks() == "triton needs Python's C headers: apt-get install python3-dev"
    (tmp_path / "Python.h").touch()
    assert lacks() is None
    monkeypatch.setattr(kernel_choice, "which", lambda _: None)
    assert lacks() == "triton needs a C compiler: apt-get install gcc"
    monkeypatch.setattr(kernel_choice, "find_spec", lambda _: None)
    assert lacks() == "triton is not installed"


def test_a_slow_choice_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        kernel_choice.log_choice("some_op", "reference", "cuda", "triton is not installed")
    assert caplog.text.count("some_op on cuda uses the reference kernel, which is slow: triton is not installed") == 1
