"""Prompted masker: SAM and its relatives, through transformers' own classes. A box is the prompt for a mask.

Letters: N box, H W pixels of the picture.
"""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..image import Image, rgb_of
from ..runtime.batch_limit import BatchLimit
from .mask import Mask, follows_box, mask_of

_MAX_BOXES = 32  # in one pass of the mask decoder
_MAX_PIXELS = 64 << 20  # of the masks that are in memory at full size at once
_MIN_SIDE_PX = 1.0


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A picture's embeddings, computed once for all its boxes, and the sizes that boxes and masks are scaled by."""

    embeddings: dict[str, Any]
    sizes: dict[str, Tensor]
    scale_xy: tuple[float, float]


class PromptedMasker:
    """One published model. A mask's quality is the model's own estimate of its IoU.

    Args:
        name: the model's name in messages.
        model: one of transformers' image models in `families.py`.
        processor: transformers' processor for it.
        device: where to compute; on a GPU in bfloat16 unless `dtype` says otherwise.
    """

    def __init__(
        self, name: str, model: Any, processor: Any, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        self.name = name
        self._model, self._processor = model.eval().requires_grad_(False).to(device, dtype), processor
        self._device, self._dtype = device, dtype
        self._limit = BatchLimit(_MAX_BOXES)

    def masks(self, image: Image, boxes_xyxy: NDArray[np.float32]) -> list[Mask | None]:
        """One mask a box, in order; None where there is none, or where it would not fit its box.

        Args:
            boxes_xyxy: (n, 4) px of the image.
        """
        boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
        usable = np.flatnonzero(np.isfinite(boxes).all(1) & ((boxes[:, 2:] - boxes[:, :2]) >= _MIN_SIDE_PX).all(1))
        found: list[Mask | None] = [None] * len(boxes)
        for row, (logits_HW, quality) in zip(usable, self.logits(image, boxes[usable]), strict=True):
            mask = mask_of((logits_HW > 0).cpu().numpy(), quality)
            found[row] = mask if mask is not None and follows_box(mask, boxes[row].tolist()) else None
        return found

    @torch.inference_mode()
    def logits(self, image: Image, boxes_xyxy: NDArray[np.float64]) -> Iterator[tuple[Tensor, float]]:
        """Each box's mask logits (H, W) in the picture's own size, with the model's estimate of the mask's IoU."""
        if not len(boxes_xyxy):
            return
        picture = rgb_of(image)
        prepared = self._prepare(picture)
        height, width = picture.shape[:2]
        done = 0
        while done < len(boxes_xyxy):
            some = boxes_xyxy[done : done + self._limit.rows]
            try:
                small, qualities = self._decode(prepared, some)
            except (RuntimeError, MemoryError) as error:
                self._limit.shrink(error, len(some))
                continue
            done += len(some)
            rows = max(1, _MAX_PIXELS // (4 * height * width))
            for first in range(0, len(some), rows):
                for row, logits_HW in enumerate(self._enlarge(small[first : first + rows], prepared), first):
                    yield logits_HW, float(qualities[row])

    def _prepare(self, picture: NDArray[np.uint8]) -> _Prepared:
        inputs = self._processor.image_processor(images=picture, return_tensors="pt")
        sizes = {name: value for name, value in inputs.items() if name != "pixel_values"}
        embeddings = self._model.get_image_embeddings(inputs["pixel_values"].to(self._device, self._dtype))
        named = (
            {"image_embeddings": embeddings[0], "intermediate_embeddings": embeddings[1]}
            if isinstance(embeddings, tuple)  # SAM-HQ
            else {"image_embeddings": embeddings}
        )
        height, width = picture.shape[:2]
        if "reshaped_input_sizes" in sizes:
            input_h, input_w = (float(side) for side in sizes["reshaped_input_sizes"][0])
        else:
            input_h = input_w = float(self._processor.target_size)
        return _Prepared(named, sizes, (input_w / width, input_h / height))

    def _decode(self, prepared: _Prepared, boxes_xyxy: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """The masks' logits in the decoder's own size (N, 1, h, w), and the estimates of their IoU (N,)."""
        scaled = torch.from_numpy(boxes_xyxy * np.array(prepared.scale_xy * 2)).to(self._device, torch.float32)
        output = self._model(**prepared.embeddings, input_boxes=scaled[None], multimask_output=False)
        return output.pred_masks[0].float(), output.iou_scores[0, :, 0].float()

    def _enlarge(self, small: Tensor, prepared: _Prepared) -> Tensor:
        """The logits at the picture's size, (N, H, W)."""
        (full,) = self._processor.post_process_masks([small], **prepared.sizes, binarize=False)
        return full[:, 0]
