"""Multi-scale deformable attention: the door that picks a kernel.

Letters: B picture, S flattened pixels of all levels, N head, D channels of a head, Q query, L level, P point.
Source of the idea: Deformable DETR (https://arxiv.org/abs/2010.04159), section 4.1.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Literal

from torch import Tensor

from .deform_attn_reference import deform_attn_reference

Kernel = Literal["auto", "reference", "cpu"]

_log = logging.getLogger(__name__)


class KernelError(RuntimeError):
    """A kernel that was named cannot run here; the text says why."""


def deform_attn(
    value_BSND: Tensor,
    shapes: Sequence[tuple[int, int]],
    locations_BQNLP2: Tensor,
    weights_BQNLP: Tensor,
    kernel: Kernel = "auto",
) -> Tensor:
    """Sample each level's map at the given places and sum with the given weights.

    Args:
        value_BSND: the maps, levels one after another along S.
        shapes: (height, width) of each level; their areas add up to S.
        locations_BQNLP2: x, y in 0..1 of the level's map, fp32; places outside it read zero.
        weights_BQNLP: attention weights, already softmaxed over L x P.
        kernel: 'auto' takes the fastest that can run on this device, dtype and gradient mode.

    Returns:
        (B, Q, N * D) in the dtype of `value_BSND`.

    Raises:
        KernelError: the named kernel cannot run on these tensors.
    """
    if kernel == "auto":
        kernel = _fastest(value_BSND)
    if kernel == "reference":
        return deform_attn_reference(value_BSND, shapes, locations_BQNLP2, weights_BQNLP)
    reason = _why_not_cpu(value_BSND)
    if reason is not None:
        raise KernelError(f"deform_attn kernel 'cpu' cannot run: {reason}; use 'reference' or 'auto'")
    from .deform_attn_cpu import deform_attn_cpu

    return deform_attn_cpu(value_BSND, shapes, locations_BQNLP2, weights_BQNLP)


def _fastest(value: Tensor) -> Kernel:
    chosen: Kernel = "cpu" if _why_not_cpu(value) is None else "reference"
    _log_choice(chosen, value.device.type, str(value.dtype))
    return chosen


def _why_not_cpu(value: Tensor) -> str | None:
    if value.device.type != "cpu":
        return f"the tensors are on {value.device.type}"
    if str(value.dtype) != "torch.float32":
        return f"it computes in float32, not {value.dtype}"
    if value.requires_grad:
        return "it has no backward"
    return None


@cache
def _log_choice(kernel: str, device: str, dtype: str) -> None:
    _log.info("deform_attn on %s in %s uses the %s kernel", device, dtype, kernel)
