"""Picture preparation on NVIDIA GPUs, compiled by Triton.

Letters as in image_prep.py. One program computes part of one output row: it reads each pixel under the filter, which
neighbouring programs then find in the cache, and writes three colours. Intermediate values stay in registers.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportGeneralTypeIssues=false, reportIndexIssue=false
# ruff: noqa: ANN001, ANN202 - Triton reads the annotations of what it compiles, and knows only its own

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from .filter_taps import filter_taps
from .image_prep_reference import Preparation, Yuv420

_COLUMNS = 128
_WARPS = 4


def image_prep_triton(pictures: Tensor | Yuv420, how: Preparation, out_B3HW: Tensor) -> Tensor:
    """See `image_prep`. Writes to `out_B3HW`, which may have any strides."""
    if isinstance(pictures, Yuv420):
        luma, u, v = _packed(pictures.luma_BHW, 1), pictures.u_BHW, pictures.v_BHW
        if u.stride() != v.stride():
            u, v = u.contiguous(), v.contiguous()
        coefficients, odd = pictures.coefficients, pictures.odd_yx
    else:
        luma = u = v = _packed(pictures, 2)
        coefficients, odd = (0,) * 6, (0, 0)
    B, h, w = luma.shape[:3]
    H, W = how.canvas_hw
    x_taps = filter_taps(w, how.picture_hw[1], how.filter, luma.device)
    y_taps = filter_taps(h, how.picture_hw[0], how.filter, luma.device)
    grid = (triton.cdiv(W, _COLUMNS), H, B)
    _prepare[grid](
        luma,
        u,
        v,
        luma.stride()[:2],
        u.stride()[:3],
        (h, w),
        odd,
        coefficients,
        (x_taps.first_N, y_taps.first_N),
        (x_taps.weights_KN, y_taps.weights_KN),
        (len(x_taps.weights_KN), len(y_taps.weights_KN)),
        (x_taps.bits, y_taps.bits),
        how.mean,
        how.scale,
        out_B3HW,
        out_B3HW.stride(),
        (*how.picture_hw, W),
        IS_YUV=isinstance(pictures, Yuv420),
        BLOCK=_COLUMNS,
        num_warps=_WARPS,
    )
    return out_B3HW


def _packed(pixels: Tensor, dimensions: int) -> Tensor:
    """A tensor whose pixels of a row are contiguous; rows may be padded, as in a decoder's frames."""
    wanted = (pixels.shape[-1], 1)[-dimensions:]
    return pixels if pixels.stride()[-dimensions:] == wanted else pixels.contiguous()


@triton.jit
def _prepare(
    luma,
    u,
    v,
    luma_by,
    half_by,
    given_hw,
    odd_yx,
    coefficients,
    firsts,
    weights,
    counts,
    bits,
    mean,
    scale,
    out,
    out_bcyx,
    sizes,
    IS_YUV: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """luma is the RGB picture (B,h,w,3) if not IS_YUV; pairs are x, then y; the picture fills PH, PW of H, W."""
    h, w = given_hw
    PH, PW, W = sizes
    x = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    y = tl.program_id(1)
    picture = tl.program_id(2).to(tl.int64)  # offsets into a batch of pictures may exceed int32
    luma += picture * luma_by[0]
    u += picture * half_by[0]
    v += picture * half_by[0]
    is_row = y < PH
    is_pixel = (x < PW) & is_row
    left = tl.load(firsts[0] + x, is_pixel, 0)
    top = tl.load(firsts[1] + y, is_row, 0)
    half_x = 1 << (bits[0] - 1)
    half_y = 1 << (bits[1] - 1)
    red = tl.zeros([BLOCK], tl.int32) + half_y
    green = tl.zeros([BLOCK], tl.int32) + half_y
    blue = tl.zeros([BLOCK], tl.int32) + half_y
    for j in range(counts[1]):
        row = tl.minimum(top + j, h - 1)  # beyond the last, weights are 0
        r = tl.zeros([BLOCK], tl.int32) + half_x
        g = tl.zeros([BLOCK], tl.int32) + half_x
        b = tl.zeros([BLOCK], tl.int32) + half_x
        for i in range(counts[0]):
            column = tl.minimum(left + i, w - 1)
            share = tl.load(weights[0] + i * PW + x, is_pixel, 0)
            pixel = _colours(luma, u, v, luma_by[1], half_by, row, column, odd_yx, is_pixel, coefficients, IS_YUV)
            r += share * pixel[0]
            g += share * pixel[1]
            b += share * pixel[2]
        share = tl.load(weights[1] + j * PH + y, is_row, 0)
        red += share * _clipped(r >> bits[0])
        green += share * _clipped(g >> bits[0])
        blue += share * _clipped(b >> bits[0])
    to = out + picture * out_bcyx[0] + y.to(tl.int64) * out_bcyx[2] + x * out_bcyx[3]
    for colour in tl.static_range(3):
        summed = red if colour == 0 else (green if colour == 1 else blue)
        value = (_clipped(summed >> bits[1]).to(tl.float32) - mean[colour]) * scale[colour]
        tl.store(to + colour * out_bcyx[1], tl.where(is_pixel, value, 0.0).to(out.dtype.element_ty), x < W)


@triton.jit
def _colours(luma, u, v, luma_y, half_by, row, column, odd_yx, is_pixel, coefficients, IS_YUV: tl.constexpr):
    """Red, green and blue of pixels of one row, 0..255 in int32."""
    if IS_YUV:
        at = ((row + odd_yx[0]) // 2) * half_by[1] + ((column + odd_yx[1]) // 2) * half_by[2]
        bright = (tl.load(luma + row * luma_y + column, is_pixel, 0).to(tl.int32) - coefficients[0]) * coefficients[1]
        blueness = tl.load(u + at, is_pixel, 0).to(tl.int32) - 128
        redness = tl.load(v + at, is_pixel, 0).to(tl.int32) - 128
        bright += 1 << 15
        r = _clipped((bright + coefficients[2] * redness) >> 16)
        g = _clipped((bright + coefficients[3] * blueness + coefficients[4] * redness) >> 16)
        b = _clipped((bright + coefficients[5] * blueness) >> 16)
    else:
        at = luma + row * luma_y + column * 3
        r = tl.load(at, is_pixel, 0).to(tl.int32)
        g = tl.load(at + 1, is_pixel, 0).to(tl.int32)
        b = tl.load(at + 2, is_pixel, 0).to(tl.int32)
    return r, g, b


@triton.jit
def _clipped(colour):
    return tl.minimum(tl.maximum(colour, 0), 255)
