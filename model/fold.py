"""Batch norm folded into the convolution before it: the same answers with fewer passes over memory."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_norms(model: nn.Module) -> int:
    """Fold in place, for inference only; returns how many norms are gone."""
    folded = 0
    for module in list(model.modules()):
        children = list(module.named_children())
        for (conv_name, conv), (norm_name, norm) in pairwise(children):
            if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
                continue
            # Only where the parent runs its children one after another.
            if not (isinstance(module, nn.Sequential) or (conv_name, norm_name) == ("conv", "norm")):
                continue
            setattr(module, conv_name, fuse_conv_bn_eval(conv.eval(), norm.eval()))
            setattr(module, norm_name, nn.Identity())
            folded += 1
    return folded
