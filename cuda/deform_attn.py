"""Multi-scale deformable attention: the door that picks a kernel.

Everything between the projections and the output projection is one op: softmax, places, sampling, sum.

Letters: B picture, S flattened pixels of all levels, N head, D channels of a head, Q query, L level, P point.
Source of the idea: Deformable DETR (https://arxiv.org/abs/2010.04159), section 4.1.
"""

# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from .deform_attn_reference import deform_attn_reference
from .kernel_choice import KernelError, log_choice, why_not_triton

__all__ = ["Kernel", "KernelError", "deform_attn", "deform_attn_op"]

Kernel = Literal["auto", "reference", "cpu", "triton"]


def deform_attn(
    value_BSND: Tensor,
    shapes: Sequence[tuple[int, int]],
    reference_BQLX: Tensor,
    projected_BQX: Tensor,
    points: int,
    kernel: Kernel = "auto",
) -> Tensor:
    """What each query gathers from each level's map at the places it chose, weighted by its softmax over L x P.

    Where a gradient is asked for, 'auto' is the reference: the fast kernels have no backward. They run as the op
    `groundcast::deform_attn`, which torch.compile and CUDA graphs take as one piece.

    Args:
        value_BSND: the maps, levels one after another along S.
        shapes: (height, width) of each level; their areas add up to S.
        reference_BQLX: fp32, in 0..1 of each level's map: a place x, y, whose offsets are in cells of the level's
            map; or a box cx, cy, w, h, whose offsets are in w / (2 P) and h / (2 P). An `expand`ed one is not copied.
        projected_BQX: what is projected from each query: sampling offsets as (N, L, P, 2), then attention logits
            as (N, L, P). Places outside a map, or that are not a number, read zero.
        points: P.
        kernel: 'auto' takes the fastest that can run on this device, dtype and gradient mode.

    Returns:
        (B, Q, N * D) in the dtype of `value_BSND`.

    Raises:
        KernelError: the named kernel cannot run on these tensors.
    """
    learns = torch.is_grad_enabled() and any(one.requires_grad for one in (value_BSND, reference_BQLX, projected_BQX))
    if kernel == "auto":
        kernel = "reference" if learns else _fastest(value_BSND)
        if not torch.compiler.is_compiling():
            reason = why_not_triton(value_BSND) if value_BSND.is_cuda and not learns else None
            log_choice("deform_attn", kernel, f"{value_BSND.device.type} in {value_BSND.dtype}", reason)
    if kernel == "reference":
        return deform_attn_reference(value_BSND, shapes, reference_BQLX, projected_BQX, points)
    reason = "it has no backward" if learns else _why_not(kernel, value_BSND)
    if reason is not None:
        raise KernelError(f"deform_attn kernel {kernel!r} cannot run: {reason}; use 'reference' or 'auto'")
    sizes = [size for shape in shapes for size in shape]
    return deform_attn_op(value_BSND, sizes, reference_BQLX, projected_BQX, points, kernel)


_OP = "groundcast::deform_attn"
# A list of plain sizes: inferred from annotations, it would be one that tracing to TorchScript cannot write down.
_SCHEMA = "(Tensor value, int[] sizes, Tensor reference, Tensor projected, int points, str kernel) -> Tensor"
# Not torch.library.custom_op, whose first call imports PyTorch's compiler, which takes more than a second.
torch.library.define(_OP, _SCHEMA, tags=(torch.Tag.pt2_compliant_tag,))


@torch.library.impl(_OP, ("CPU", "CUDA"))
def _deform_attn_op(
    value: Tensor, sizes: Sequence[int], reference: Tensor, projected: Tensor, points: int, kernel: str
) -> Tensor:
    shapes = list(zip(sizes[::2], sizes[1::2], strict=True))
    return _fast(kernel)(value, shapes, reference, projected, points)


@torch.library.register_fake(_OP)
def _(value: Tensor, sizes: Sequence[int], reference: Tensor, projected: Tensor, points: int, kernel: str) -> Tensor:
    B, _, N, D = value.shape
    return value.new_empty(B, projected.shape[1], N * D)


deform_attn_op = torch.ops.groundcast.deform_attn.default
"""A fast kernel as one op of PyTorch's; `sizes` are height and width of each level in one row."""


def _fast(kernel: str) -> Callable[[Tensor, Sequence[tuple[int, int]], Tensor, Tensor, int], Tensor]:
    if kernel == "cpu":
        from .deform_attn_cpu import deform_attn_cpu

        return deform_attn_cpu
    from .deform_attn_triton import deform_attn_triton

    return deform_attn_triton


def _fastest(value: Tensor) -> Kernel:
    if value.is_cuda:
        return "triton" if _why_not("triton", value) is None else "reference"
    return "cpu" if _why_not("cpu", value) is None else "reference"


def _why_not(kernel: Kernel, value: Tensor) -> str | None:
    """Why this fast kernel cannot run on such a value, or None."""
    dtypes = (torch.float32, torch.bfloat16) if kernel == "cpu" else (torch.float32, torch.bfloat16, torch.float16)
    if value.dtype not in dtypes:
        return f"it reads {', '.join(str(one).removeprefix('torch.') for one in dtypes)}, not {value.dtype}"
    if kernel == "cpu":
        return None if value.device.type == "cpu" else f"the tensors are on {value.device.type}"
    return why_not_triton(value)
