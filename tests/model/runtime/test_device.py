"""Devices: which one a name means, and which names are refused."""

from __future__ import annotations

import pytest
import torch

from groundcast.model.runtime.device import DeviceError, named_device


def test_auto_is_the_cpu_of_a_machine_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert named_device("auto") == named_device("cpu") == torch.device("cpu")


def test_a_name_of_no_device_is_refused() -> None:
    with pytest.raises(DeviceError, match="'gpu' is no device"):
        named_device("gpu")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="shows no CUDA GPU: use --device cpu"):
        named_device("cuda:1")


def test_the_numbers_of_gpus_end_with_their_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert named_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceError, match="shows 2 GPUs"):
        named_device("cuda:2")
