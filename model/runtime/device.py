"""Where a network computes: a device by its name, and how a thread goes there."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch


class DeviceError(ValueError):
    """The device that was named is not here."""


def named_device(name: str) -> torch.device:
    """'auto' is the first GPU where there is one; a GPU always comes with its number.

    Raises:
        DeviceError: there is no such device here.
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
    """Kernels go to the thread's own device, which is the first GPU unless the thread is told."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def computing(device: torch.device) -> AbstractContextManager[object]:
    """What the thread launches on a GPU goes to the stream of all networks there, behind what was launched before.

    A decoder writes its pictures on the default stream, and whoever copies them must not wait for the network too.
    """
    if device.type != "cuda":
        return nullcontext()
    stream = _compute_stream(device)
    stream.wait_stream(torch.cuda.default_stream(device))
    return torch.cuda.stream(stream)


@cache
def _compute_stream(device: torch.device) -> torch.cuda.Stream:
    """One for all networks on a GPU, since they share what is kept per size."""
    return torch.cuda.Stream(device)
