"""Multi-scale deformable attention for the CPU, compiled by numba.

Letters as in deform_attn.py; K is L * P, all samples of one head. For one head of one query at a time, vector
instructions compute the softmax and the positions of the samples; then the four corners of each sample are read, each
a contiguous run of D channels.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
import torch
from numba import prange, types
from numba.extending import intrinsic, overload
from torch import Tensor

_log = logging.getLogger(__name__)

# numba's workqueue threading layer aborts the process when two threads enter a parallel kernel at once.
_parallel_lock = threading.Lock()
# Multiply-adds below which a second thread costs more than it saves.
_MIN_PARALLEL_WORK = 2_000_000
# Queries that share one set of scratch arrays: enough to amortise the arrays, few enough to divide among threads.
_BLOCK = 32
# No "nnan" and no "ninf": a NaN value or logit must reach the output.
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "nsz", "arcp"}, "error_model": "numpy"}


def deform_attn_cpu(
    value_BSND: Tensor,
    shapes: Sequence[tuple[int, int]],
    reference_BQLX: Tensor,
    projected_BQX: Tensor,
    points: int,
) -> Tensor:
    """See `deform_attn`. Values in float32 or bfloat16 on the CPU, sums in float32, no gradient."""
    B, _, N, D = value_BSND.shape
    Q = projected_BQX.shape[1]
    out_BQND = torch.empty(B, Q, N, D, dtype=value_BSND.dtype)
    arguments = (
        _elements(value_BSND),
        np.asarray(shapes, np.int32),
        _without_copies(reference_BQLX).detach().float().contiguous().numpy(),
        _elements(projected_BQX if projected_BQX.dtype == torch.bfloat16 else projected_BQX.float()),
        points,
        _elements(out_BQND),
    )
    if B * Q * N * len(shapes) * points * D * 4 < _MIN_PARALLEL_WORK:
        _compiled(parallel=False)(*arguments)
    else:
        with _parallel_lock:
            _compiled(parallel=True)(*arguments)
    return out_BQND.view(B, Q, N * D)


def _elements(tensor: Tensor) -> Any:
    """The same memory as a numpy array. numba has no bfloat16, so those are given as uint16 bits."""
    tensor = tensor.detach().contiguous()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _without_copies(reference_BQLX: Tensor) -> Tensor:
    """The reference with expanded axes cut to length 1; the kernel indexes them modulo their length."""
    for dimension in (0, 2):
        if reference_BQLX.stride(dimension) == 0:
            reference_BQLX = reference_BQLX.narrow(dimension, 0, 1)
    return reference_BQLX


@cache
def _compiled(parallel: bool) -> Callable[..., None]:
    """The kernel as machine code, cached on disk if the folder is writable."""
    # numba's disk cache is keyed by the function's name, not by its options: with one name, the parallel kernel would
    # load the serial one's machine code.
    attend = FunctionType(_attend.__code__, _attend.__globals__)
    attend.__qualname__ = "_attend_in_threads" if parallel else "_attend_alone"
    try:
        return numba.njit(cache=True, parallel=parallel, **_OPTIONS)(attend)
    except RuntimeError as error:  # no writable cache folder: numba raises at decoration
        _log.info("the compiled deform_attn kernel is not kept on disk: %s", error)
        return numba.njit(parallel=parallel, **_OPTIONS)(attend)


def _attend(value: Any, shapes: Any, reference: Any, projected: Any, points: Any, out: Any) -> None:
    """value (B,S,N,D), shapes (L,2), reference (B or 1,Q,L or 1,X), projected (B,Q,N*L*P*3), out (B,Q,N,D)."""
    B, Q, N, D = out.shape
    L = shapes.shape[0]
    K = L * points
    for block in prange((B * Q + _BLOCK - 1) // _BLOCK):
        maps = np.empty((3, K), np.int32)
        grid = np.empty((4, K), np.float32)
        weights = np.empty(K, np.float32)
        shares = np.empty((4, K), np.float32)
        cells = np.empty((4, K), np.int32)
        total = np.empty(D, np.float32)
        floats = np.empty(N * K * 3, np.float32)
        _repeat_maps(shapes, points, maps)
        for row in range(block * _BLOCK, min((block + 1) * _BLOCK, B * Q)):
            b = row // Q
            q = row % Q
            _set_grid(reference[b % reference.shape[0], q], shapes, points, grid)
            _widen(projected[b, q], floats)
            offsets, logits = floats[: N * K * 2], floats[N * K * 2 :]
            for n in range(N):
                _softmax(logits[n * K : (n + 1) * K], weights)
                _find_corners(offsets[n * K * 2 : (n + 1) * K * 2], grid, maps, weights, shares, cells)
                _gather(value, b, n, cells, shares, total)
                _write(total, out[b, q, n])


@numba.njit(forceinline=True, **_OPTIONS)
def _widen(projected: Any, floats: Any) -> None:
    for i in range(floats.shape[0]):
        floats[i] = _float32(projected[i])


@numba.njit(forceinline=True, **_OPTIONS)
def _repeat_maps(shapes: Any, points: Any, maps: Any) -> None:
    """maps (3,K): width, height and first cell of each sample's level."""
    first = 0
    for level in range(shapes.shape[0]):
        for k in range(level * points, (level + 1) * points):
            maps[0, k] = shapes[level, 1]
            maps[1, k] = shapes[level, 0]
            maps[2, k] = first
        first += shapes[level, 0] * shapes[level, 1]


@numba.njit(forceinline=True, **_OPTIONS)
def _set_grid(reference: Any, shapes: Any, points: Any, grid: Any) -> None:
    """grid (4,K): origin x, y and length x, y of the offsets, in cells. Cell 0 has its centre at 0."""
    for level in range(shapes.shape[0]):
        place = reference[level % reference.shape[0]]
        for axis in range(2):
            cells = np.float32(shapes[level, 1 - axis])
            step = np.float32(1.0)
            if place.shape[0] == 4:
                step = place[2 + axis] * cells * np.float32(0.5) / np.float32(points)
            for k in range(level * points, (level + 1) * points):
                grid[axis, k] = place[axis] * cells - np.float32(0.5)
                grid[2 + axis, k] = step


@numba.njit(forceinline=True, **_OPTIONS)
def _softmax(logits: Any, weights: Any) -> None:
    max_logit = logits[0]
    for k in range(logits.shape[0]):
        max_logit = max(max_logit, logits[k])
    total = np.float32(0.0)
    for k in range(logits.shape[0]):
        weights[k] = _exp(logits[k] - max_logit)
    for k in range(logits.shape[0]):
        total += weights[k]
    scale = np.float32(1.0) / total
    for k in range(logits.shape[0]):
        weights[k] *= scale


@numba.njit(forceinline=True, **_OPTIONS)
def _find_corners(offsets: Any, grid: Any, maps: Any, weights: Any, shares: Any, cells: Any) -> None:
    """shares, cells (4,K): each sample's weights and cells of its four corners. A corner outside the map has weight 0.

    No branches, so that LLVM vectorises the loop.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    for k in range(weights.shape[0]):
        width, height, first = maps[0, k], maps[1, k], maps[2, k]
        x = grid[0, k] + offsets[2 * k] * grid[2, k]
        y = grid[1, k] + offsets[2 * k + 1] * grid[3, k]
        inside = (
            (x > -one) & (y > -one) & (x < np.float32(width)) & (y < np.float32(height))
        )  # false where x or y is NaN
        x = x if inside else zero
        y = y if inside else zero
        weight = weights[k] if inside else zero
        left_x, top_y = np.floor(x), np.floor(y)
        left, top = np.int32(left_x), np.int32(top_y)
        right, bottom = left + np.int32(1), top + np.int32(1)
        in_left = one - (x - left_x) if left >= 0 else zero
        in_right = x - left_x if right < width else zero
        in_top = weight * (one - (y - top_y)) if top >= 0 else zero
        in_bottom = weight * (y - top_y) if bottom < height else zero
        above = first + max(top, np.int32(0)) * width
        below = first + min(bottom, height - np.int32(1)) * width
        left, right = max(left, np.int32(0)), min(right, width - np.int32(1))
        shares[0, k], shares[1, k] = in_top * in_left, in_top * in_right
        shares[2, k], shares[3, k] = in_bottom * in_left, in_bottom * in_right
        cells[0, k], cells[1, k], cells[2, k], cells[3, k] = above + left, above + right, below + left, below + right


@numba.njit(forceinline=True, **_OPTIONS)
def _gather(value: Any, b: Any, n: Any, cells: Any, shares: Any, total: Any) -> None:
    """total (D,). Takes the whole value: numba does not know that the channels of a slice are contiguous."""
    picture, head = np.uint64(b), np.uint64(n)
    total[:] = np.float32(0.0)
    for k in range(cells.shape[1]):
        a, b, c, d = shares[0, k], shares[1, k], shares[2, k], shares[3, k]
        # Unsigned, so that numba emits no check for negative indices.
        cell_a, cell_b = np.uint64(cells[0, k]), np.uint64(cells[1, k])
        cell_c, cell_d = np.uint64(cells[2, k]), np.uint64(cells[3, k])
        for channel in range(total.shape[0]):
            i = np.uint64(channel)
            upper = a * _float32(value[picture, cell_a, head, i]) + b * _float32(value[picture, cell_b, head, i])
            lower = c * _float32(value[picture, cell_c, head, i]) + d * _float32(value[picture, cell_d, head, i])
            total[channel] += upper + lower


@numba.njit(forceinline=True, **_OPTIONS)
def _exp(x: Any) -> Any:
    """exp(x) for x <= 0, accurate to 2 units in the last place; the polynomial is that of Cephes' expf."""
    clamped = max(x, np.float32(-87.0))
    twos = np.floor(clamped * np.float32(1.44269504) + np.float32(0.5))
    rest = clamped - twos * np.float32(0.693359375) + twos * np.float32(2.12194440e-4)  # ln 2 in two parts
    series = np.float32(1.9875691500e-4) * rest + np.float32(1.3981999507e-3)
    series = series * rest + np.float32(8.3334519073e-3)
    series = series * rest + np.float32(4.1665795894e-2)
    series = series * rest + np.float32(1.6666665459e-1)
    series = series * rest + np.float32(5.0000001201e-1)
    power = _of_bits(np.uint32(np.int32(twos) + np.int32(127)) << np.uint32(23))
    result = (series * rest * rest + rest + np.float32(1.0)) * power
    return result if x == x else x  # noqa: PLR0124 - NaN stays NaN


def _make_of_bits(_typing: Any, _bits: Any) -> Any:
    """The float32 with these bits."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), generate


def _make_bits_of(_typing: Any, _number: Any) -> Any:
    """The bits of this float32."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.uint32))

    return types.uint32(types.float32), generate


_of_bits: Any = intrinsic(_make_of_bits)
_bits_of: Any = intrinsic(_make_bits_of)


def _float32(element: Any) -> Any:
    """An element of the value, which is a float32 or the bits of a bfloat16: the upper half of a float32."""
    raise NotImplementedError


@overload(_float32)
def _float32_of(element: Any) -> Any:
    def widen(element: Any) -> Any:
        return _of_bits(np.uint32(element) << np.uint32(16))

    def keep(element: Any) -> Any:
        return element

    return widen if element == types.uint16 else keep


def _write(total: Any, out: Any) -> None:
    """The sums as the output's elements, a bfloat16 rounded to the nearest, halves to even."""
    raise NotImplementedError


@overload(_write)
def _write_as(total: Any, out: Any) -> Any:
    def copy(total: Any, out: Any) -> None:
        out[:] = total

    def round_off(total: Any, out: Any) -> None:
        for channel in range(total.shape[0]):
            bits = _bits_of(total[channel])
            rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            is_nan = total[channel] != total[channel]
            out[channel] = np.uint16(0x7FC0) if is_nan else np.uint16(rounded)

    return round_off if out.dtype == types.uint16 else copy
