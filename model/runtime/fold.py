"""Folding for inference: norms are folded into convolutions, groups and projections joined into larger products."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..dino.decoder import Decoder
from ..dino.deformable import DeformableAttention

# Names of a convolution and the norm after it in timm's blocks.
_CONV_AND_NORM = {("conv", "norm"), ("proj", "norm"), ("reduction", "norm")}


def fold_norms(model: nn.Module) -> int:
    """Fold norms into convolutions in place, for inference only; returns how many."""
    folded = 0
    for module in list(model.modules()):
        children = list(module.named_children())
        for (conv_name, conv), (norm_name, norm) in pairwise(children):
            if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
                continue
            # Only where the parent runs its children one after another.
            if not (isinstance(module, nn.Sequential) or (conv_name, norm_name) in _CONV_AND_NORM):
                continue
            setattr(module, conv_name, fuse_conv_bn_eval(conv.eval(), norm.eval()))
            setattr(module, norm_name, nn.Identity())
            folded += 1
    return folded


def join_groups(model: nn.Module) -> int:
    """Make each grouped 1x1 convolution an ordinary one with zeros between the groups; returns how many.

    Exact except for rounding. The extra multiplications cost less than one small product per group.
    """
    joined = 0
    for module in list(model.modules()):
        for name, conv in list(module.named_children()):
            if isinstance(conv, nn.Conv2d) and conv.kernel_size == (1, 1) and 1 < conv.groups < conv.in_channels:
                setattr(module, name, _joined(conv))
                joined += 1
    return joined


def join_projections(model: nn.Module) -> int:
    """Compute sampling offsets and attention weights in one product instead of two; returns how many are joined.

    Call it after the weights are loaded: checkpoints and training name the two separately.
    """
    layers = [module for module in model.modules() if isinstance(module, DeformableAttention) and not module.joined]
    for layer in layers:
        layer.join()
    return len(layers)


def join_values(model: nn.Module) -> int:
    """Compute the values of all decoder layers in one product; returns how many decoders are joined.

    For a GPU, which then reads the memory once. On a CPU each layer's weights are prepacked instead.
    """
    decoders = [module for module in model.modules() if isinstance(module, Decoder)]
    for decoder in decoders:
        decoder.join_values()
    return len(decoders)


@torch.no_grad()
def _joined(conv: nn.Conv2d) -> nn.Conv2d:
    whole = nn.Conv2d(conv.in_channels, conv.out_channels, 1, bias=conv.bias is not None)
    whole.weight.copy_(torch.block_diag(*conv.weight.flatten(1).chunk(conv.groups))[:, :, None, None])
    if conv.bias is not None and whole.bias is not None:
        whole.bias.copy_(conv.bias)
    return whole
