"""Picture preparation (resize, normalise, pad) in one pass: the door that picks a kernel.

Takes uint8 and returns the network's number format. Integers up to the normalisation, so that all kernels agree with
PyTorch's own resizing of uint8 pictures bit for bit.

Letters: B picture, H W pixels of the output; h w pixels of the input.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .filter_taps import Filter
from .image_prep_reference import Matrix, Preparation, Yuv420, image_prep_reference
from .kernel_choice import KernelError, log_choice, triton_unavailable_reason

__all__ = [
    "Filter",
    "KernelError",
    "Matrix",
    "PrepKernel",
    "Preparation",
    "Yuv420",
    "image_prep",
    "image_prep_kernel",
]

PrepKernel = Literal["auto", "reference", "triton"]


def image_prep(
    pictures: Tensor | Yuv420,
    how: Preparation,
    dtype: torch.dtype,
    out_B3HW: Tensor | None = None,
    kernel: PrepKernel = "auto",
) -> Tensor:
    """Resize, normalise, pad on the right and below with the mean colour (zero).

    Args:
        pictures: (B, h, w, 3) uint8 RGB; or YUV 4:2:0 as a video decoder gives it.
        how: sizes, filter and normalisation.
        dtype: of the result.
        out_B3HW: the output, in any memory layout; None allocates one, channels last in memory.
        kernel: 'auto' takes the fastest that can run on the device.

    Raises:
        KernelError: the named kernel cannot run on this device.
    """
    pixels = pictures.luma_BHW if isinstance(pictures, Yuv420) else pictures
    if kernel == "auto":
        kernel = image_prep_kernel(pixels)
        log_choice(
            "image_prep", kernel, pixels.device.type, triton_unavailable_reason(pixels) if pixels.is_cuda else None
        )
    if out_B3HW is None:
        out_BHW3 = torch.empty(len(pixels), *how.canvas_hw, 3, dtype=dtype, device=pixels.device)
        out_B3HW = out_BHW3.permute(0, 3, 1, 2)
    if kernel == "reference":
        return out_B3HW.copy_(image_prep_reference(pictures, how))
    if (reason := triton_unavailable_reason(pixels)) is not None:
        raise KernelError(f"image_prep kernel 'triton' cannot run: {reason}; use 'reference' or 'auto'")
    from .image_prep_triton import image_prep_triton

    return image_prep_triton(pictures, how, out_B3HW)


def image_prep_kernel(pixels: Tensor) -> Literal["reference", "triton"]:
    """The kernel that 'auto' takes for pictures on this device."""
    return "triton" if pixels.is_cuda and triton_unavailable_reason(pixels) is None else "reference"
