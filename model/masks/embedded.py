"""Embedded masker: masks of the objects in boxes, from weights that come with the package."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..image import Image, rgb_of
from ..runtime.batch_limit import BatchLimit
from ..runtime.preprocess import normalise
from .box_crop import crop_matrix, paste, warp
from .box_mask_net import CROP_PX, CROP_SCALE, BoxMaskNet
from .mask import Mask, follows_box, window_mask

WEIGHTS = Path(__file__).parents[1] / "tabletop" / "masker.safetensors"
_MAX_BOXES = 64  # in one pass; limits memory
_MIN_SIDE_PX = 2.0


class EmbeddedMasker:
    """Finds the object that each box surrounds, without words: boxes of any detector, or of tracks.

    It was trained on the rendered objects that tabletop knows. A mask's quality is the mean probability of its pixels.

    Args:
        weights: the network's weights.
        device: 'cpu', 'cuda', 'cuda:1'.
    """

    def __init__(self, weights: Path = WEIGHTS, device: str = "cpu") -> None:
        self.name = "tabletop"
        self._device = torch.device(device)
        self._net = read_net(weights).to(self._device).to(memory_format=torch.channels_last)
        self._limit = BatchLimit(_MAX_BOXES)

    def masks(self, image: Image, boxes_xyxy: NDArray[np.float32]) -> list[Mask | None]:
        """One mask a box, in order; None where there is none, or where it would not fit its box.

        Args:
            boxes_xyxy: (n, 4) px of the image.
        """
        picture = rgb_of(image)
        size_hw = picture.shape[0], picture.shape[1]
        boxes = [[float(side) for side in box] for box in boxes_xyxy]
        usable = [row for row, box in enumerate(boxes) if _is_usable(box, size_hw)]
        found: list[Mask | None] = [None] * len(boxes)
        matrices = {row: crop_matrix(boxes[row], CROP_SCALE, CROP_PX) for row in usable}
        crops = [warp(picture, matrices[row], CROP_PX) for row in usable]
        for row, logits_HW in zip(usable, self._logits(crops), strict=True):
            window, corner = paste(logits_HW, matrices[row], size_hw)
            inside = window > 0
            quality = float((1 / (1 + np.exp(-window[inside]))).mean()) if inside.any() else 0.0
            mask = window_mask(inside, corner, size_hw, quality)
            found[row] = mask if mask is not None and follows_box(mask, boxes[row]) else None
        return found

    def _logits(self, crops: list[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """The logits of each crop, in passes that fit into memory."""
        done = 0
        while done < len(crops):
            some = crops[done : done + self._limit.rows]
            try:
                with torch.inference_mode():
                    inputs = normalise(np.stack(some), [(1.0, 1.0)] * len(some))
                    logits: Tensor = self._net(inputs.to(self._device, memory_format=torch.channels_last))
                    answers = logits.float().cpu().numpy()
            except (RuntimeError, MemoryError) as error:
                self._limit.shrink(error, len(some))
                continue
            done += len(some)
            yield from answers


def read_net(path: Path) -> BoxMaskNet:
    """The network for inference, batch norms folded."""
    net = BoxMaskNet()
    weights = {name: weight.float() for name, weight in load_file(path).items()}
    missing = net.load_state_dict(weights, strict=False)
    left = [name for name in missing.missing_keys if not name.endswith("num_batches_tracked")]
    if left or missing.unexpected_keys:
        raise ValueError(f"{path} holds no weights of the embedded masker: {[*left, *missing.unexpected_keys][:5]}")
    net.eval().requires_grad_(False)
    for part in list(net.modules()):
        conv, norm = getattr(part, "conv", None), getattr(part, "norm", None)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            part.conv, part.norm = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return net


def write_net(path: Path, net: nn.Module) -> None:
    """Write a network's weights as fp16."""
    weights = {
        name: (weight.half() if weight.is_floating_point() else weight).contiguous()
        for name, weight in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    partial = path.with_suffix(".part")
    save_file(weights, partial)
    partial.chmod(0o644)
    partial.replace(path)


def _is_usable(box: list[float], size_hw: tuple[int, int]) -> bool:
    """Whether a box is of numbers, has an area, and lies in the picture, at least in part."""
    x1, y1, x2, y2 = box
    if not all(np.isfinite(side) for side in box) or min(x2 - x1, y2 - y1) < _MIN_SIDE_PX:
        return False
    return x2 > 0 and y2 > 0 and x1 < size_hw[1] and y1 < size_hw[0]
