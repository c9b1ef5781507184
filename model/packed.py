# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Linear layers for inference on a CPU: the weight lies as oneDNN multiplies by it, and what follows is done at once.

An ordinary linear layer has its weight laid out anew at every call.
"""

from __future__ import annotations

import logging
from functools import cache
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from .fusion import Fusion
from .text_encoder import TextEncoder

Then = Literal["none", "relu", "gelu"]

_log = logging.getLogger(__name__)
# Words are read once a prompt, and fusion multiplies with its weights itself.
_LEFT = (TextEncoder, Fusion)
# What parents that run their children one after another call a layer and what follows it.
_HIDDEN = {("fc1", "act"), ("fc1", "activation")}
_FOLLOWERS: dict[type | None, Then] = {nn.ReLU: "relu", nn.GELU: "gelu"}


class PackedLinear(nn.Module):
    """What a linear layer makes of the rows it is given, without a gradient.

    Args:
        linear: is not needed afterwards.
        then: what is done to each sum before it is written.
    """

    def __init__(self, linear: nn.Linear, then: Then = "none") -> None:
        super().__init__()
        self.then = then
        self._bias: Tensor | None = linear.bias  # a layer may have none
        ops = torch.ops.mkldnn  # what torch.compile makes of a linear layer on a CPU; there is no public name
        self._multiply = ops._linear_pointwise  # noqa: SLF001
        self._weight: Tensor = ops._reorder_linear_weight(linear.weight.detach())  # noqa: SLF001

    def forward(self, x: Tensor) -> Tensor:
        exact = "none" if self.then == "gelu" else ""  # no tanh in place of the error function
        return self._multiply(x, self._weight, self._bias, self.then, [], exact)


def pack_linear(model: nn.Module) -> int:
    """Pack in place, weights on the CPU and in their final format; returns how many layers: none where it cannot be."""
    left = {id(part) for whole in model.modules() if isinstance(whole, _LEFT) for part in whole.modules()}
    packed = 0
    for module in [module for module in model.modules() if id(module) not in left]:
        children = list(module.named_children())
        for (name, child), (next_name, follower) in pairwise([*children, ("", None)]):
            if not isinstance(child, nn.Linear) or not _can_pack(child.weight.dtype):
                continue
            then = _FOLLOWERS.get(type(follower), "none") if (name, next_name) in _HIDDEN else "none"
            setattr(module, name, PackedLinear(child, then))
            if then != "none":
                setattr(module, next_name, nn.Identity())
            packed += 1
    return packed


@cache
def _can_pack(dtype: torch.dtype) -> bool:
    """Whether this torch, on this processor, multiplies by packed weights in that format."""
    try:
        PackedLinear(nn.Linear(8, 8, dtype=dtype))(torch.zeros(1, 8, dtype=dtype))
    except (AttributeError, RuntimeError) as error:
        _log.info("linear layers in %s are not packed: %s", dtype, str(error).partition("\n")[0])
        return False
    return True
