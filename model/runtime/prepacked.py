"""Layers for inference on a CPU: the weight lies as oneDNN multiplies by it, and what follows is done at once.

An ordinary layer has its weight laid out anew at every call; on one thread, an ordinary convolution lays out its
input as well.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, TypeGuard

import torch
from torch import Tensor, nn

from ..dino.edge_encoder import EdgeEncoder
from ..dino.fusion import Fusion
from ..dino.text_encoder import TextEncoder

Then = Literal["none", "relu", "gelu"]

_jit: Any = torch.jit
_log = logging.getLogger(__name__)
# Maps are of many sizes; this one decides how a convolution's weight lies.
_USUAL_MAP = (32, 40)
# What parents that run their children one after another call a layer and what follows it.
_HIDDEN = {("fc1", "act"), ("fc1", "activation")}
_FOLLOWERS: dict[type, Then] = {nn.ReLU: "relu", nn.GELU: "gelu"}


class PackedLinear(nn.Module):
    """What a linear layer makes of the rows it is given, without a gradient.

    Args:
        weight: (out, in); bias: (out,). The weight is not needed afterwards.
        then: what is done to each sum before it is written.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, then: Then = "none") -> None:
        super().__init__()
        self._bias = bias
        self._then = then, [], _exact(then)
        ops = torch.ops.mkldnn  # what torch.compile makes of a layer on a CPU; there is no public name
        self._multiply = ops._linear_pointwise  # noqa: SLF001
        self.weight: Tensor = ops._reorder_linear_weight(weight.detach())  # noqa: SLF001

    def forward(self, x: Tensor) -> Tensor:
        if _jit.is_tracing():
            return _traceable().linear(x, self.weight, self._bias, self._then[0], self._then[2])
        return self._multiply(x, self.weight, self._bias, *self._then)


class PackedConv(nn.Module):
    """What a convolution makes of maps, as `PackedLinear`."""

    def __init__(self, conv: nn.Conv2d, then: Then = "none") -> None:
        super().__init__()
        self._bias: Tensor | None = conv.bias
        self._how = list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
        self._then = then, [], _exact(then)
        ops = torch.ops.mkldnn
        self._convolve = ops._convolution_pointwise  # noqa: SLF001
        shape = [1, conv.in_channels, *_USUAL_MAP]
        self.weight: Tensor = ops._reorder_convolution_weight(conv.weight.detach(), *self._how, shape)  # noqa: SLF001

    def forward(self, x: Tensor) -> Tensor:
        if _jit.is_tracing():
            return _traceable().convolution(x, self.weight, self._bias, *self._how, self._then[0], self._then[2])
        return self._convolve(x, self.weight, self._bias, *self._how, *self._then)


@cache
def _traceable() -> Any:
    """The two ops in TorchScript's own language: tracing has no way to write down their empty lists of numbers."""
    return _jit.CompilationUnit("""
def linear(x, weight, bias: Optional[Tensor], then: str, how: str):
    numbers: List[Optional[Union[int, float, complex]]] = []
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, then, numbers, how)

def convolution(x, weight, bias: Optional[Tensor], padding: List[int], stride: List[int], dilation: List[int],
                groups: int, then: str, how: str):
    numbers: List[Optional[Union[int, float, complex]]] = []
    return torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, padding, stride, dilation, groups, then, numbers, how)
""")


class _Cells(nn.Module):
    """A linear layer over the channels of each cell of a map; the map comes out with its channels last in memory."""

    def __init__(self, conv: nn.Conv2d, then: Then) -> None:
        super().__init__()
        self.linear = PackedLinear(conv.weight.flatten(1), conv.bias, then)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def packed_weights(model: nn.Module) -> list[Tensor]:
    """Of every layer that was packed, in oneDNN's own layout."""
    return [layer.weight for layer in model.modules() if isinstance(layer, PackedLinear | PackedConv)]


def pack(model: nn.Module) -> int:
    """Pack in place, weights on the CPU and in their final format; returns how many layers: none where it cannot be."""
    left = {id(part) for whole in model.modules() for own in _left(whole) for part in own.modules()}
    packed = 0
    for module in [module for module in model.modules() if id(module) not in left]:
        children = list(module.named_children())
        for row, (name, child) in enumerate(children):
            if id(child) in left or not _can_pack(child):
                continue
            next_name, then = _follower(module, name, children[row + 1 :])
            setattr(module, name, _packed(child, then))
            if next_name is not None:
                setattr(module, next_name, nn.Identity())
            packed += 1
    return packed


def _packed(layer: nn.Linear | nn.Conv2d, then: Then) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return PackedLinear(layer.weight, layer.bias, then)
    sees_one_cell = set(layer.kernel_size) == set(layer.stride) == {1} and set(layer.padding) == {0}
    return _Cells(layer, then) if sees_one_cell else PackedConv(layer, then)


def _left(module: nn.Module) -> list[nn.Module]:
    """Words are read once a prompt; others multiply with their weights themselves."""
    if isinstance(module, EdgeEncoder):
        return [merge.get_submodule("reduce") for merge in module.merge]
    return [module] if isinstance(module, TextEncoder | Fusion) else []


def _follower(parent: nn.Module, name: str, rest: Sequence[tuple[str, nn.Module]]) -> tuple[str | None, Then]:
    """The child that can be done at once with the one of that name, and what it does."""
    rest = [(own, child) for own, child in rest if not isinstance(child, nn.Identity)]
    if not rest or not (type(parent) is nn.Sequential or (name, rest[0][0]) in _HIDDEN):
        return None, "none"
    then = _FOLLOWERS.get(type(rest[0][1]))
    return (None, "none") if then is None else (rest[0][0], then)


def _exact(then: Then) -> str:
    """The error function itself, no tanh in its place."""
    return "none" if then == "gelu" else ""


def _can_pack(layer: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Only what does nothing else; a convolution in groups is not faster for it."""
    if type(layer) is nn.Linear:
        return packs(layer.weight.dtype)
    return (
        type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding_mode == "zeros" and packs(layer.weight.dtype)
    )


@cache
def packs(dtype: torch.dtype) -> bool:
    """Whether this torch, on this processor, multiplies by packed weights in that format."""
    try:
        PackedLinear(torch.zeros(8, 8, dtype=dtype), None)(torch.zeros(1, 8, dtype=dtype))
        PackedConv(nn.Conv2d(8, 8, 1, dtype=dtype))(torch.zeros(1, 8, 4, 4, dtype=dtype))
    except (AttributeError, RuntimeError) as error:
        _log.info("layers in %s are not packed: %s", dtype, str(error).partition("\n")[0])
        return False
    return True
