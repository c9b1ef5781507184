"""Memory network: SAM 2 or EdgeTAM on the objects of one video frame, in batches, by transformers' own modules.

transformers' session runs one object after the other and keeps every frame; the same steps run here for many objects
at once, on a bounded memory.

Letters: B object, C channel, H W pixels, S flattened pixels, L memory token.
Source: https://arxiv.org/abs/2408.00714
"""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .object_memory import ObjectMemory, Remembered

_NO_OBJECT_LOGIT = -1024.0
_BOX_LABELS = (2, 3)  # a box is prompted as its two corners


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """One frame's maps, which all objects share: the fine ones (1, C, H, W), and the coarsest with its positions."""

    fine: tuple[Tensor, ...]
    coarse_S1C: Tensor
    positions_S1C: Tensor


@dataclass(frozen=True, slots=True)
class ObjectMasks:
    """The masks of some objects in one frame.

    Args:
        logits_BHW: in the decoder's own size; far below zero where the object is not seen.
        scores_B: above zero where the object is seen.
        ious_B: the network's estimate of each mask's IoU.
        pointers_BC: the objects' tokens for later frames.
    """

    logits_BHW: Tensor
    scores_B: Tensor
    ious_B: Tensor
    pointers_BC: Tensor

    def rows(self, rows: Sequence[int]) -> ObjectMasks:
        """Those of some of the objects."""
        some = list(rows)
        return ObjectMasks(self.logits_BHW[some], self.scores_B[some], self.ious_B[some], self.pointers_BC[some])

    @classmethod
    def joined(cls, parts: Sequence[ObjectMasks]) -> ObjectMasks:
        """Those of all parts, in order."""
        return cls(
            torch.cat([one.logits_BHW for one in parts]),
            torch.cat([one.scores_B for one in parts]),
            torch.cat([one.ious_B for one in parts]),
            torch.cat([one.pointers_BC for one in parts]),
        )


class MemoryNet:
    """The steps of SAM 2's video model.

    Args:
        model: transformers' `Sam2VideoModel` or `EdgeTamVideoModel`, on its device.
    """

    def __init__(self, model: Any) -> None:
        self._model, self._config = model.eval().requires_grad_(False), model.config
        self._is_edge_tam = hasattr(model, "spatial_perceiver")
        size = model.config.image_size
        self.input_px: int = size if isinstance(size, int) else int(size[0])

    def empty_memory(self) -> ObjectMemory:
        """The memory of an object that is new."""
        return ObjectMemory(self._config.num_maskmem - 1, self._config.max_object_pointers_in_encoder - 1)

    def features(self, pixels_13HW: Tensor) -> FrameFeatures:
        """The maps of a prepared frame."""
        output = self._model.get_image_features(pixels_13HW, return_dict=True)
        maps, sizes = list(output.fpn_hidden_states), self._model.backbone_feature_sizes
        fine = tuple(
            one.permute(1, 2, 0).unflatten(2, tuple(size)) for one, size in zip(maps[:-1], sizes, strict=False)
        )
        return FrameFeatures(fine, maps[-1], output.fpn_position_encoding[-1])

    def from_boxes(self, features: FrameFeatures, boxes_B4: Tensor) -> ObjectMasks:
        """Masks from boxes alone, as of objects that are new. Boxes are px of the network's input."""
        coarse = self._as_map(features.coarse_S1C + self._model.no_memory_embedding)
        labels = torch.tensor(_BOX_LABELS, dtype=torch.int32, device=boxes_B4.device)
        points = boxes_B4.view(-1, 1, 2, 2)
        return self._decode(features, coarse, points, labels.expand(len(boxes_B4), 1, 2), points_given=2)

    def from_memory(self, features: FrameFeatures, memories: Sequence[ObjectMemory], frame: int) -> ObjectMasks:
        """Masks of objects that are known, which must have equally many remembered frames (see `shape_of`)."""
        tokens, positions, pointers = zip(*(self._attended(one, frame) for one in memories), strict=True)
        extra = {"num_spatial_memory_tokens": self.shape_of(memories[0], frame)[0]} if self._is_edge_tam else {}
        count = len(memories)
        conditioned = self._model.memory_attention(
            current_vision_features=features.coarse_S1C.expand(-1, count, -1),
            current_vision_position_embeddings=features.positions_S1C.expand(-1, count, -1),
            memory=torch.stack(tokens, 1),
            memory_posision_embeddings=torch.stack(positions, 1),  # spelled so in transformers
            num_object_pointer_tokens=pointers[0],
            **extra,
        )
        conditioned = conditioned.squeeze(1) if conditioned.ndim == 4 else conditioned
        coarse = conditioned.reshape(count, -1, self._model.hidden_dim).transpose(1, 2)
        points = coarse.new_zeros(count, 1, 1, 2)
        labels = -torch.ones(count, 1, 1, dtype=torch.int32, device=coarse.device)
        return self._decode(features, coarse.unflatten(2, self._coarse_hw), points, labels, points_given=0)

    @staticmethod
    def shape_of(memory: ObjectMemory, frame: int) -> tuple[int, int]:
        """How many frames and pointers an object attends to: objects with the same numbers fit into one batch."""
        return sum(1 for _ in memory.tokens(frame)), sum(1 for _ in memory.object_pointers(frame))

    def remembered(
        self, features: FrameFeatures, masks: ObjectMasks, frame: int, *, from_boxes: bool
    ) -> list[Remembered]:
        """What later frames attend to of each object."""
        config, count = self._config, len(masks.scores_B)
        shown = F.interpolate(masks.logits_BHW[:, None].float(), (self.input_px, self.input_px), mode="bilinear")
        side = [4 * int(one) for one in self._model.prompt_encoder.mask_input_size]
        if not self._is_edge_tam and list(shown.shape[2:]) != side:
            shown = F.interpolate(shown, side, mode="bilinear", antialias=True)
        weights = (shown > 0).to(shown.dtype) if from_boxes else shown.sigmoid()
        weights = weights * config.sigmoid_scale_for_mem_enc + config.sigmoid_bias_for_mem_enc
        coarse = self._as_map(features.coarse_S1C).expand(count, -1, -1, -1)
        tokens, positions = self._model.memory_encoder(coarse, weights.to(coarse.dtype))
        if self._model.occlusion_spatial_embedding_parameter is not None:
            hidden_B111 = (masks.scores_B <= 0).to(tokens.dtype)[:, None, None, None]
            tokens = tokens + hidden_B111 * self._model.occlusion_spatial_embedding_parameter[..., None, None]
        if self._is_edge_tam:
            # transformers' resampler takes one object alone: it views an expanded tensor.
            each = [self._model.spatial_perceiver(tokens[row : row + 1], positions[:1]) for row in range(count)]
            tokens, positions = (torch.cat(parts) for parts in zip(*each, strict=True))
        else:  # half precision saves memory, as in the original
            tokens = tokens.to(torch.bfloat16).flatten(2).transpose(1, 2)
            positions = positions.flatten(2).transpose(1, 2).expand(count, -1, -1)
        return [
            Remembered(frame, tokens[row].clone(), positions[row], masks.pointers_BC[row].clone())
            for row in range(count)
        ]

    def _attended(self, memory: ObjectMemory, frame: int) -> tuple[Tensor, Tensor, int]:
        """The tokens (L, C) that an object attends to, their positions (L, C), and how many of them are pointers."""
        tokens: list[Tensor] = []
        positions: list[Tensor] = []
        times = self._model.memory_temporal_positional_encoding[:, 0]  # (frames, 1, C)
        for ago, one in memory.tokens(frame):
            tokens.append(one.features_LC.to(times.dtype))
            positions.append(one.positions_LC + times[ago - 1])
        pointers = list(memory.object_pointers(frame))
        stacked = torch.stack([one.pointer_C for _, one in pointers])
        placed = self._pointer_positions([ago for ago, _ in pointers], stacked)
        parts = stacked.shape[1] // self._model.mem_dim
        if parts > 1:  # a pointer is wider than a token
            stacked, placed = stacked.reshape(-1, self._model.mem_dim), placed.repeat_interleave(parts, 0)
        return torch.cat([*tokens, stacked]), torch.cat([*positions, placed]), len(stacked)

    def _pointer_positions(self, ago: Sequence[int], pointers: Tensor) -> Tensor:
        if not self._config.enable_temporal_pos_encoding_for_object_pointers:
            return pointers.new_zeros(len(ago), self._model.mem_dim)
        time = torch.tensor(ago, dtype=torch.float32, device=pointers.device)
        time = time / (self._config.max_object_pointers_in_encoder - 1)
        half = torch.arange(self._model.hidden_dim // 2, dtype=torch.float32, device=pointers.device)
        angles = time[:, None] / 10000 ** (2 * (half // 2) / len(half))
        wave = torch.cat([angles.sin(), angles.cos()], -1).to(pointers.dtype)
        return self._model.temporal_positional_encoding_projection_layer(wave)

    def _decode(
        self, features: FrameFeatures, coarse: Tensor, points: Tensor, labels: Tensor, points_given: int
    ) -> ObjectMasks:
        model, config, count = self._model, self._config, len(points)
        sparse, dense = model.prompt_encoder(
            input_points=points, input_labels=labels, input_boxes=None, input_masks=None
        )
        several = config.multimask_output_in_sam and (
            config.multimask_min_pt_num <= points_given <= config.multimask_max_pt_num
        )
        several = several and (points_given > 0 or config.multimask_output_for_tracking)
        logits, ious, tokens, scores = model.mask_decoder(
            image_embeddings=coarse.expand(count, -1, -1, -1),
            image_positional_embeddings=model.get_image_wide_positional_embeddings().expand(count, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense.expand(count, -1, -1, -1),
            multimask_output=several,
            high_resolution_features=[one.expand(count, -1, -1, -1) for one in features.fine],
        )
        rows, best = torch.arange(count, device=logits.device), ious[:, 0].argmax(-1)
        seen = scores.reshape(count) > 0
        chosen = torch.where(seen[:, None, None], logits[rows, 0, best], _NO_OBJECT_LOGIT)
        token = tokens[rows, 0, best if tokens.shape[2] > 1 else torch.zeros_like(best)]
        pointers = torch.where(seen[:, None], model.object_pointer_proj(token), model.no_object_pointer)
        return ObjectMasks(chosen, scores.reshape(count), ious[rows, 0, best], pointers)

    def _as_map(self, flat_S1C: Tensor) -> Tensor:
        return flat_S1C.permute(1, 2, 0).unflatten(2, self._coarse_hw)

    @property
    def _coarse_hw(self) -> tuple[int, int]:
        height, width = self._model.backbone_feature_sizes[-1]
        return int(height), int(width)
