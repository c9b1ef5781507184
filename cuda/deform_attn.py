"""Multi-scale deformable attention: the door that picks a kernel.

One op computes everything between the projections and the output projection: softmax, positions, sampling, sum.

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
from .kernel_choice import KernelError, log_choice, triton_unavailable_reason

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
    """For each query, the sum of map samples at its sampling points, weighted by its softmax over L x P.

    Where a gradient is needed, 'auto' is the reference: the fast kernels have no backward. They run as the op
    `groundcast::deform_attn`, which torch.compile and CUDA graphs treat as one op.

    Args:
        value_BSND: the maps, levels concatenated along S.
        shapes: (height, width) of each level; their areas add up to S.
        reference_BQLX: fp32, in 0..1 of each level's map: a point x, y, with offsets in cells of the level's map; or a
            box cx, cy, w, h, with offsets in w / (2 P) and h / (2 P). An `expand`ed tensor is not copied.
        projected_BQX: the projection of each query: sampling offsets as (N, L, P, 2), then attention logits as
            (N, L, P). Points outside a map, or NaN, read zero.
        points: P.
        kernel: 'auto' takes the fastest that can run on this device, dtype and gradient mode.

    Returns:
        (B, Q, N * D) in the dtype of `value_BSND`.

    Raises:
        KernelError: the named kernel cannot run on these tensors.
    """
    needs_gradient = torch.is_grad_enabled() and any(
        one.requires_grad for one in (value_BSND, reference_BQLX, projected_BQX)
    )
    if kernel == "auto":
        kernel = "reference" if needs_gradient else _fastest(value_BSND)
        if not torch.compiler.is_compiling():
            reason = triton_unavailable_reason(value_BSND) if value_BSND.is_cuda and not needs_gradient else None
            log_choice("deform_attn", kernel, f"{value_BSND.device.type} in {value_BSND.dtype}", reason)
    if kernel == "reference":
        return deform_attn_reference(value_BSND, shapes, reference_BQLX, projected_BQX, points)
    reason = "it has no backward" if needs_gradient else _unsupported_reason(kernel, value_BSND)
    if reason is not None:
        raise KernelError(f"deform_attn kernel {kernel!r} cannot run: {reason}; use 'reference' or 'auto'")
    sizes = [size for shape in shapes for size in shape]
    return deform_attn_op(value_BSND, sizes, reference_BQLX, projected_BQX, points, kernel)


_OP = "groundcast::deform_attn"
# int[], since tracing to TorchScript cannot record the type that would be inferred from annotations.
_SCHEMA = "(Tensor value, int[] sizes, Tensor reference, Tensor projected, int points, str kernel) -> Tensor"
# Not torch.library.custom_op, whose first call imports PyTorch's compiler, which takes more than a second.
torch.library.define(_OP, _SCHEMA, tags=(torch.Tag.pt2_compliant_tag,))


@torch.library.impl(_OP, ("CPU", "CUDA"))
def _deform_attn_op(
    value: Tensor, sizes: Sequence[int], reference: Tensor, projected: Tensor, points: int, kernel: str
) -> Tensor:
    shapes = list(zip(sizes[::2], sizes[1::2], strict=True))
    return _fast_kernel(kernel)(value, shapes, reference, projected, points)


@torch.library.register_fake(_OP)
def _(value: Tensor, sizes: Sequence[int], reference: Tensor, projected: Tensor, points: int, kernel: str) -> Tensor:
    B, _, N, D = value.shape
    return value.new_empty(B, projected.shape[1], N * D)


deform_attn_op = torch.ops.groundcast.deform_attn.default
"""A fast kernel as one PyTorch op; `sizes` lists height and width of each level, flattened."""


def _fast_kernel(kernel: str) -> Callable[[Tensor, Sequence[tuple[int, int]], Tensor, Tensor, int], Tensor]:
    if kernel == "cpu":
        from .deform_attn_cpu import deform_attn_cpu

        return deform_attn_cpu
    from .deform_attn_triton import deform_attn_triton

    return deform_attn_triton


def _fastest(value: Tensor) -> Kernel:
    if value.is_cuda:
        return "triton" if _unsupported_reason("triton", value) is None else "reference"
    return "cpu" if _unsupported_reason("cpu", value) is None else "reference"


def _unsupported_reason(kernel: Kernel, value: Tensor) -> str | None:
    """Why this fast kernel cannot run on such a value, or None."""
    dtypes = (torch.float32, torch.bfloat16) if kernel == "cpu" else (torch.float32, torch.bfloat16, torch.float16)
    if value.dtype not in dtypes:
        return f"it reads {', '.join(str(one).removeprefix('torch.') for one in dtypes)}, not {value.dtype}"
    if kernel == "cpu":
        return None if value.device.type == "cpu" else f"the tensors are on {value.device.type}"
    return triton_unavailable_reason(value)
