# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Multi-scale deformable attention for the CPU, compiled by numba.

Letters as in deform_attn.py. One query per iteration, the channels of a head innermost, so that each of
the four corners of a sample is one contiguous, vectorised read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numba
import numpy as np
import torch
from numba import prange
from torch import Tensor

_log = logging.getLogger(__name__)

# numba's workqueue threading layer aborts the process when two threads enter a parallel kernel at once.
_one_at_a_time = threading.Lock()
# Below this many multiply-adds a second thread costs more than it brings.
_WORTH_THREADS = 2_000_000


def deform_attn_cpu(
    value_BSND: Tensor, shapes: Sequence[tuple[int, int]], locations_BQNLP2: Tensor, weights_BQNLP: Tensor
) -> Tensor:
    """See `deform_attn`. float32 on the CPU, no gradient."""
    B, _, N, D = value_BSND.shape
    _, Q, _, L, P, _ = locations_BQNLP2.shape
    out_BQND = torch.empty(B, Q, N, D)
    work = B * Q * N * L * P * D * 4
    arguments = (
        value_BSND.detach().contiguous().numpy(),
        np.asarray(shapes, np.int64),
        locations_BQNLP2.detach().float().contiguous().numpy(),
        weights_BQNLP.detach().float().contiguous().numpy(),
        out_BQND.numpy(),
    )
    if work < _WORTH_THREADS:
        _compiled(parallel=False)(*arguments)
    else:
        with _one_at_a_time:
            _compiled(parallel=True)(*arguments)
    return out_BQND.view(B, Q, N * D)


@cache
def _compiled(parallel: bool) -> Callable[..., None]:
    """The kernel as machine code, kept on disk where the folder can be written."""
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract", "nsz", "arcp"}, "parallel": parallel}
    try:
        return numba.njit(cache=True, **options)(_sample_and_sum)
    except RuntimeError as error:  # no writable cache folder: numba says so at decoration
        _log.info("the compiled deform_attn kernel is not kept on disk: %s", error)
        return numba.njit(**options)(_sample_and_sum)


def _sample_and_sum(value: Any, shapes: Any, locations: Any, weights: Any, out: Any) -> None:
    """value (B,S,N,D), shapes (L,2), locations (B,Q,N,L,P,2), weights (B,Q,N,L,P), out (B,Q,N,D)."""
    B, Q, N, L, P = weights.shape
    D = value.shape[3]
    for row in prange(B * Q):
        b = row // Q
        q = row % Q
        for n in range(N):
            total = out[b, q, n]
            total[:] = 0.0
            start = 0
            for level in range(L):
                height = shapes[level, 0]
                width = shapes[level, 1]
                for p in range(P):
                    x = locations[b, q, n, level, p, 0] * width - 0.5
                    y = locations[b, q, n, level, p, 1] * height - 0.5
                    if not (x > -1.0 and y > -1.0 and x < width and y < height):
                        continue  # also where a location is NaN
                    weight = weights[b, q, n, level, p]
                    left = int(np.floor(x))
                    top = int(np.floor(y))
                    fx = x - left
                    fy = y - top
                    for corner in range(4):
                        cx = left + (corner & 1)
                        cy = top + (corner >> 1)
                        if cx < 0 or cy < 0 or cx >= width or cy >= height:
                            continue
                        share = (fx if corner & 1 else 1.0 - fx) * (fy if corner >> 1 else 1.0 - fy) * weight
                        source = value[b, start + cy * width + cx, n]
                        for d in range(D):
                            total[d] += share * source[d]
                start += height * width
