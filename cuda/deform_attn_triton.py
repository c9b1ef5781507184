"""Multi-scale deformable attention for NVIDIA GPUs, compiled by Triton.

Letters as in deform_attn.py; K is L * P, all samples of one head. One program computes one head of a block of queries:
softmax, positions and sums stay in registers. The D channels of a head are contiguous, so that each corner is one
wide read.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportGeneralTypeIssues=false, reportIndexIssue=false, reportOperatorIssue=false
# ruff: noqa: ANN001, ANN202 - Triton reads the annotations of what it compiles, and knows only its own

from __future__ import annotations

from collections.abc import Sequence

import triton
import triton.language as tl
from torch import Tensor

# Each thread reads 16 bytes of a corner at a time, which sets how many rows four warps read. Calculated, not tuned on
# a GPU yet.
_WARPS = 4
_BYTES = _WARPS * 32 * 16
_MIN_QUERIES, _MAX_QUERIES = 16, 128  # queries of one program


def deform_attn_triton(
    value_BSND: Tensor,
    shapes: Sequence[tuple[int, int]],
    reference_BQLX: Tensor,
    projected_BQX: Tensor,
    points: int,
) -> Tensor:
    """See `deform_attn`. Values in fp32, fp16 or bf16; positions and sums in fp32; no gradient."""
    B, _, N, D = value_BSND.shape
    Q = projected_BQX.shape[1]
    reference_BQLX = reference_BQLX.float()
    if reference_BQLX.stride(-1) != 1:
        reference_BQLX = reference_BQLX.contiguous()
    out_BQND = value_BSND.new_empty(B, Q, N, D)
    if value_BSND.stride()[2:] != (D, 1):
        value_BSND = value_BSND.contiguous()
    BLOCK_D = triton.next_power_of_2(D)
    BLOCK_Q = min(max(_BYTES // (BLOCK_D * value_BSND.element_size()), _MIN_QUERIES), _MAX_QUERIES)
    _attend[triton.cdiv(Q, BLOCK_Q), N, B](
        value_BSND,
        reference_BQLX,
        projected_BQX.contiguous(),
        out_BQND,
        tuple(height for height, _ in shapes),
        tuple(width for _, width in shapes),
        Q,
        *value_BSND.stride()[:2],
        *reference_BQLX.stride()[:3],
        N=N,
        D=D,
        L=len(shapes),
        P=points,
        X=reference_BQLX.shape[-1],
        BLOCK_Q=BLOCK_Q,
        BLOCK_D=BLOCK_D,
        BLOCK_K=triton.next_power_of_2(len(shapes) * points),
        num_warps=_WARPS,
    )
    return out_BQND.view(B, Q, N * D)


@triton.jit
def _attend(
    value,
    reference,
    projected,
    out,
    heights,
    widths,
    Q,
    value_b,
    value_s,
    reference_b,
    reference_q,
    reference_l,
    N: tl.constexpr,
    D: tl.constexpr,
    L: tl.constexpr,
    P: tl.constexpr,
    X: tl.constexpr,
    BLOCK_Q: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """value (B,S,N,D) and reference (B,Q,L,X) by their strides, projected (B,Q,N*L*P*3), out (B,Q,N,D)."""
    n = tl.program_id(1)
    b = tl.program_id(2).to(tl.int64)  # offsets into a batch of maps may exceed int32
    q = tl.program_id(0) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    d = tl.arange(0, BLOCK_D)
    is_query = q < Q
    is_channel = d < D
    row = projected + b * Q * (N * L * P * 3) + q * (N * L * P * 3)
    offsets = row + n * (L * P * 2)
    logits = row + N * L * P * 2 + n * (L * P)
    max_logit, exp_sum = _sum_softmax(logits, is_query, L * P, BLOCK_K)
    scale = 1.0 / exp_sum
    total = tl.zeros([BLOCK_Q, BLOCK_D], tl.float32)
    cells = value + b * value_b + n * D
    for level in tl.static_range(L):
        height = heights[level]
        width = widths[level]
        place = reference + b * reference_b + q * reference_q + level * reference_l
        centre_x = tl.load(place, is_query, 0.0) * width - 0.5
        centre_y = tl.load(place + 1, is_query, 0.0) * height - 0.5
        for point in range(P):  # not unrolled: all reads of a query would need registers at once
            k = level * P + point
            x = tl.load(offsets + 2 * k, is_query, 0.0).to(tl.float32)
            y = tl.load(offsets + 2 * k + 1, is_query, 0.0).to(tl.float32)
            if X == 4:
                x = x * (tl.load(place + 2, is_query, 0.0) * width * (0.5 / P))
                y = y * (tl.load(place + 3, is_query, 0.0) * height * (0.5 / P))
            weight = tl.exp(tl.load(logits + k, is_query, 0.0).to(tl.float32) - max_logit) * scale
            total += _sample(cells, centre_x + x, centre_y + y, weight, width, height, d, is_query, is_channel, value_s)
        cells += height * width * value_s
    to = out + b * Q * (N * D) + q[:, None] * (N * D) + n * D + d[None, :]
    tl.store(to, total.to(out.dtype.element_ty), is_query[:, None] & is_channel[None, :])


@triton.jit
def _sum_softmax(logits, is_query, K: tl.constexpr, BLOCK_K: tl.constexpr):
    """The maximum logit of each query, and the sum of exp(logit - maximum)."""
    k = tl.arange(0, BLOCK_K)
    is_logit = is_query[:, None] & (k < K)[None, :]
    # A query beyond the last gets zeros, so that none of its logits is infinite.
    beyond = tl.where(is_query[:, None] & (k >= K)[None, :], float("-inf"), 0.0)
    logits_QK = tl.load(logits[:, None] + k[None, :], is_logit, 0.0).to(tl.float32) + beyond
    max_logit = tl.max(logits_QK, 1)
    return max_logit, tl.sum(tl.exp(logits_QK - max_logit[:, None]), 1)


@triton.jit
def _sample(
    cells,
    x,
    y,
    weight,
    width,
    height,
    d,
    is_query,
    is_channel,
    stride,
):
    """(BLOCK_Q, BLOCK_D): the map's value at x, y, times the weight. Corners outside the map are not read."""
    inside = is_query & (x > -1.0) & (y > -1.0) & (x < width) & (y < height)  # false where x or y is NaN
    x = tl.where(inside, x, 0.0)
    y = tl.where(inside, y, 0.0)
    left_x = tl.floor(x)
    top_y = tl.floor(y)
    left = left_x.to(tl.int32)
    top = top_y.to(tl.int32)
    sampled = tl.zeros([x.shape[0], d.shape[0]], tl.float32)
    for corner in tl.static_range(4):
        column = left + corner % 2
        row = top + corner // 2
        share_x = x - left_x if corner % 2 == 1 else 1.0 - (x - left_x)
        share_y = y - top_y if corner // 2 == 1 else 1.0 - (y - top_y)
        is_cell = inside & (column >= 0) & (row >= 0) & (column < width) & (row < height)
        at = cells + (row * width + column)[:, None] * stride + d[None, :]
        read = tl.load(at, is_cell[:, None] & is_channel[None, :], 0.0).to(tl.float32)
        sampled += tl.where(is_cell, share_x * share_y * weight, 0.0)[:, None] * read
    return sampled
