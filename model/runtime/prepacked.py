"""Prepacked layers for inference on a CPU: weights in oneDNN's own layout, with the activation fused into the layer.

An ordinary layer reorders its weight at every call; on one thread, an ordinary convolution reorders its input too.
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

Activation = Literal["none", "relu", "gelu"]

_jit: Any = torch.jit
_log = logging.getLogger(__name__)
# Maps have many sizes; oneDNN chooses the layout of a convolution's weight for this one.
_USUAL_MAP = (32, 40)
# Names of a layer and its activation in modules that run their children in order.
_HIDDEN = {("fc1", "act"), ("fc1", "activation")}
_FOLLOWERS: dict[type, Activation] = {nn.ReLU: "relu", nn.GELU: "gelu"}


class PackedLinear(nn.Module):
    """A linear layer with a prepacked weight, without a gradient.

    Args:
        weight: (out, in); bias: (out,). The weight may be freed afterwards.
        activation: applied to each sum before it is written.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation = "none") -> None:
        super().__init__()
        self._bias = bias
        self._activation = activation, [], _exact(activation)
        ops = torch.ops.mkldnn  # what torch.compile uses for a layer on a CPU; it has no public name
        self._multiply = ops._linear_pointwise  # noqa: SLF001
        self.weight: Tensor = ops._reorder_linear_weight(weight.detach())  # noqa: SLF001

    def forward(self, x: Tensor) -> Tensor:
        if _jit.is_tracing():
            return _traceable().linear(x, self.weight, self._bias, self._activation[0], self._activation[2])
        return self._multiply(x, self.weight, self._bias, *self._activation)


class PackedConv(nn.Module):
    """A convolution with a prepacked weight; see `PackedLinear`."""

    def __init__(self, conv: nn.Conv2d, activation: Activation = "none") -> None:
        super().__init__()
        self._bias: Tensor | None = conv.bias
        self._conv_arguments = list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups
        self._activation = activation, [], _exact(activation)
        ops = torch.ops.mkldnn
        self._convolve = ops._convolution_pointwise  # noqa: SLF001
        shape = [1, conv.in_channels, *_USUAL_MAP]
        self.weight: Tensor = ops._reorder_convolution_weight(conv.weight.detach(), *self._conv_arguments, shape)  # noqa: SLF001

    def forward(self, x: Tensor) -> Tensor:
        if _jit.is_tracing():
            return _traceable().convolution(
                x, self.weight, self._bias, *self._conv_arguments, self._activation[0], self._activation[2]
            )
        return self._convolve(x, self.weight, self._bias, *self._conv_arguments, *self._activation)


@cache
def _traceable() -> Any:
    """The two ops in TorchScript, since tracing cannot record their empty lists of numbers."""
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
    """A 1x1 convolution as a linear layer over each cell's channels; the output is channels last in memory."""

    def __init__(self, conv: nn.Conv2d, activation: Activation) -> None:
        super().__init__()
        self.linear = PackedLinear(conv.weight.flatten(1), conv.bias, activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def packed_weights(model: nn.Module) -> list[Tensor]:
    """The weights of every packed layer, in oneDNN's own layout."""
    return [layer.weight for layer in model.modules() if isinstance(layer, PackedLinear | PackedConv)]


def pack(model: nn.Module) -> int:
    """Pack in place; weights are on the CPU, in their final format. Returns how many layers, 0 if torch cannot pack."""
    skipped = {id(part) for whole in model.modules() for layer in _not_packed(whole) for part in layer.modules()}
    packed = 0
    for module in [module for module in model.modules() if id(module) not in skipped]:
        children = list(module.named_children())
        for row, (name, child) in enumerate(children):
            if id(child) in skipped or not _can_pack(child):
                continue
            next_name, activation = _follower(module, name, children[row + 1 :])
            setattr(module, name, _packed(child, activation))
            if next_name is not None:
                setattr(module, next_name, nn.Identity())
            packed += 1
    return packed


def _packed(layer: nn.Linear | nn.Conv2d, activation: Activation) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return PackedLinear(layer.weight, layer.bias, activation)
    is_pointwise = set(layer.kernel_size) == set(layer.stride) == {1} and set(layer.padding) == {0}
    return _Cells(layer, activation) if is_pointwise else PackedConv(layer, activation)


def _not_packed(module: nn.Module) -> list[nn.Module]:
    """Modules left as they are: text is encoded once a prompt, the others use their weights directly."""
    if isinstance(module, EdgeEncoder):
        return [merge.get_submodule("reduce") for merge in module.merge]
    return [module] if isinstance(module, TextEncoder | Fusion) else []


def _follower(parent: nn.Module, name: str, rest: Sequence[tuple[str, nn.Module]]) -> tuple[str | None, Activation]:
    """The name of the child that can be fused into the named one, and its activation."""
    rest = [(child_name, child) for child_name, child in rest if not isinstance(child, nn.Identity)]
    if not rest or not (type(parent) is nn.Sequential or (name, rest[0][0]) in _HIDDEN):
        return None, "none"
    activation = _FOLLOWERS.get(type(rest[0][1]))
    return (None, "none") if activation is None else (rest[0][0], activation)


def _exact(activation: Activation) -> str:
    """The algorithm of GELU: exact, not approximated by tanh."""
    return "none" if activation == "gelu" else ""


def _can_pack(layer: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Only plain layers, no subclasses; a grouped convolution would not be faster."""
    if type(layer) is nn.Linear:
        return packs(layer.weight.dtype)
    return (
        type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding_mode == "zeros" and packs(layer.weight.dtype)
    )


@cache
def packs(dtype: torch.dtype) -> bool:
    """Whether this torch can multiply by packed weights of that dtype on this processor."""
    try:
        PackedLinear(torch.zeros(8, 8, dtype=dtype), None)(torch.zeros(1, 8, dtype=dtype))
        PackedConv(nn.Conv2d(8, 8, 1, dtype=dtype))(torch.zeros(1, 8, 4, 4, dtype=dtype))
    except (AttributeError, RuntimeError) as error:
        _log.info("layers in %s are not packed: %s", dtype, str(error).partition("\n")[0])
        return False
    return True
