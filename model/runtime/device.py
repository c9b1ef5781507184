"""Devices: a device by its name, and the CUDA device and stream of a thread."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch


class DeviceError(ValueError):
    """The named device does not exist on this machine."""


def named_device(name: str) -> torch.device:
    """The device of that name, a GPU with its number. 'auto' is the current GPU, or the CPU if there is none.

    Raises:
        DeviceError: this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name!r} is no device: write 'auto', 'cpu' or 'cuda'") from error
    if device.type != "cuda":
        return device
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise DeviceError(f"device {name!r} was asked for, but this machine shows no CUDA GPU: use --device cpu")
    number = device.index if ":" in name else torch.cuda.current_device()
    if number >= count:
        raise DeviceError(f"device {name!r} was asked for, but this machine shows {count} GPUs, from cuda:0 on")
    return torch.device("cuda", number)


def within(device: torch.device) -> AbstractContextManager[object]:
    """Makes `device` the thread's current device, to which its kernels go; by default it is the first GPU."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def computing(device: torch.device) -> AbstractContextManager[object]:
    """Kernels of this thread go to the one stream of all networks on the GPU, after earlier work of the default stream.

    A decoder writes its pictures on the default stream, and a copy of them must not wait for the network too.
    """
    if device.type != "cuda":
        return nullcontext()
    stream = _compute_stream(device)
    stream.wait_stream(torch.cuda.default_stream(device))
    return torch.cuda.stream(stream)


@cache
def _compute_stream(device: torch.device) -> torch.cuda.Stream:
    """One for all networks on a GPU, since they share the tensors cached per size."""
    return torch.cuda.Stream(device)
