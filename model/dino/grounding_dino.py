"""Grounding DINO: the whole network, from a picture and text features to boxes and their logits.

Letters: B picture, C channel, H W pixels, S flattened pixels, Q chosen query, K extra query, T token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from .backbone import Backbone
from .decoder import Decoder
from .edge_encoder import EdgeEncoder
from .encoder import Encoder
from .heads import ClassHead
from .layers import Recomputed, lowest
from .picture_area import PictureArea
from .query_selection import QuerySelection, Selected
from .text_encoder import TextEncoder, TextFeatures, Words


@dataclass(frozen=True, slots=True)
class Enhanced:
    """Image and text features after fusion.

    Args:
        memory_BSC: the enhanced maps, levels concatenated.
        shapes: (height, width) of each level.
        text_BTC: the text features after fusion.
        no_word_BT: True at padding.
        valid_B2: width and height of each picture within the padded input, in 0..1; None without padding.
        area: of the full body, whose boxes are in 0..1 of the picture instead of the input.
    """

    memory_BSC: Tensor
    shapes: tuple[tuple[int, int], ...]
    text_BTC: Tensor
    no_word_BT: Tensor
    valid_B2: Tensor | None
    area: PictureArea | None

    def picture_from_input(self, boxes_BQ4: Tensor) -> Tensor:
        """Boxes in 0..1 of the input to the body's own coordinates."""
        return boxes_BQ4 if self._sides is None else boxes_BQ4 / self._sides

    def input_from_picture(self, boxes_BQ4: Tensor) -> Tensor:
        """Boxes in the body's own coordinates to 0..1 of the input."""
        return boxes_BQ4 if self._sides is None else boxes_BQ4 * self._sides

    @property
    def _sides(self) -> Tensor | None:
        """(B, 1, 4): width and height, twice, of each picture in 0..1 of the input; None if the two are equal."""
        return None if self.area is None or self.valid_B2 is None else self.valid_B2.repeat(1, 2)[:, None]


@dataclass(frozen=True, slots=True)
class ExtraQueries:
    """Additional queries, hidden from the selected ones. K extra queries.

    Args:
        content_BKC: their initial content.
        boxes_BK4: their initial boxes, cx cy w h in 0..1 of the network's input.
        apart_BKK: True where the row's query may not attend to the column's; each attends to all selected ones.
    """

    content_BKC: Tensor
    boxes_BK4: Tensor
    apart_BKK: Tensor


@dataclass(frozen=True, slots=True)
class Output:
    """The output of the last decoder layer, which is the result, or of every layer.

    Args:
        logits: per layer (B, Q, T), fp32; -inf at padding.
        boxes: per layer (B, Q, 4), cx cy w h in 0..1 of the network's input, fp32.
        extra_logits, extra_boxes: the same for the extra queries; empty without any.
        selected: the proposals before the decoder, with boxes in 0..1 of the network's input.
        enhanced: the features from which they were selected.
    """

    logits: tuple[Tensor, ...]
    boxes: tuple[Tensor, ...]
    extra_logits: tuple[Tensor, ...]
    extra_boxes: tuple[Tensor, ...]
    selected: Selected
    enhanced: Enhanced


class GroundingDino(nn.Module):
    """The whole model. Text features are computed once per prompt with `read`, then used for any number of pictures."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = TextEncoder(config.text, config.width)
        self.backbone = Backbone(config)
        self.encoder = EdgeEncoder(config) if config.body == "edge" else Encoder(config)
        self.selection = QuerySelection(config)
        contents = config.queries if config.proposals == "ranked" else 1
        self.query_content = nn.Parameter(torch.randn(contents, config.width))
        self.decoder = Decoder(config)
        shared = ClassHead(config)
        self.classify = nn.ModuleList(
            shared if config.share_heads else ClassHead(config) for _ in range(config.decoder_layers)
        )

    def recompute(self) -> None:
        """Turn on activation checkpointing: training recomputes layers in the backward pass to save memory."""
        for part in self.modules():
            if isinstance(part, Recomputed):
                part.recompute = True

    def read(self, words: Words) -> TextFeatures:
        """The prompts' features, which do not depend on any picture."""
        return self.text_encoder(words)

    def forward(
        self,
        pictures_B3HW: Tensor,
        text: TextFeatures,
        valid_B2: Tensor | None = None,
        picture_of_row: Tensor | None = None,
        places_BQ: Tensor | None = None,
    ) -> Output:
        """Find the objects that the text names.

        Args:
            pictures_B3HW: normalised RGB.
            text: from `read`, one row a picture.
            valid_B2: width and height of each picture within the padded input, in 0..1; None without padding.
            picture_of_row: for several captions about one picture: the picture's index for each row of `text` (and
                of `valid_B2`), integers on the device. The backbone then computes each picture once.
            places_BQ: use these cells as queries, in this order, instead of the best ones: for comparing two
                implementations, whose rounding ranks neighbours differently. For the full body alone.
        """
        return self.answer(self.enhance(pictures_B3HW, text, valid_B2, picture_of_row), places_BQ)

    def enhance(
        self,
        pictures_B3HW: Tensor,
        text: TextFeatures,
        valid_B2: Tensor | None = None,
        picture_of_row: Tensor | None = None,
    ) -> Enhanced:
        """The first half: everything before boxes. Arguments as in `forward`."""
        maps = self.backbone(pictures_B3HW)
        if picture_of_row is not None:
            maps = [one.index_select(0, picture_of_row) for one in maps]
        shapes = tuple((int(one.shape[2]), int(one.shape[3])) for one in maps)  # plain sizes when traced, too
        area = None
        if isinstance(self.encoder, EdgeEncoder):
            memory_BSC, text_BTC = self.encoder(maps, text)
        else:
            input_hw = pictures_B3HW.shape[2], pictures_B3HW.shape[3]
            area = PictureArea.of(input_hw, shapes, valid_B2, pictures_B3HW.device)
            memory_BSC, text_BTC = self.encoder(maps, text, area)
        return Enhanced(memory_BSC, shapes, text_BTC, text.no_word_BT, valid_B2, area)

    def answer(
        self,
        enhanced: Enhanced,
        places_BQ: Tensor | None = None,
        extra: ExtraQueries | None = None,
        *,
        every_layer: bool = False,
    ) -> Output:
        """The second half: boxes and their logits, after the last layer or after each.

        `extra` queries do not change the results of the selected ones.
        """
        memory_BSC, text_BTC, no_word_BT = enhanced.memory_BSC, enhanced.text_BTC, enhanced.no_word_BT
        selected = self.selection(
            memory_BSC, enhanced.shapes, text_BTC, no_word_BT, enhanced.valid_B2, enhanced.area, places_BQ
        )
        boxes_BQ4 = selected.boxes_BQ4
        B, Q, _ = boxes_BQ4.shape
        content_BQC = self.query_content[:Q].expand(B, Q, -1).to(memory_BSC.dtype)
        self_bias = None
        if extra is not None:
            content_BQC = torch.cat([content_BQC, extra.content_BKC.to(content_BQC.dtype)], 1)
            boxes_BQ4 = torch.cat([boxes_BQ4, enhanced.picture_from_input(extra.boxes_BK4)], 1)
            self_bias = _self_bias(Q, extra.apart_BKK)
        start = (content_BQC, boxes_BQ4, memory_BSC, enhanced.shapes)
        queries, boxes = self.decoder(*start, text_BTC, no_word_BT, enhanced.area, self_bias, every_layer=every_layer)
        boxes = [enhanced.input_from_picture(one) for one in boxes]
        logits = self._logits(queries, text_BTC, no_word_BT)
        return Output(
            tuple(one[:, :Q] for one in logits),
            tuple(one[:, :Q] for one in boxes),
            tuple(one[:, Q:] for one in logits) if extra is not None else (),
            tuple(one[:, Q:] for one in boxes) if extra is not None else (),
            replace(selected, boxes_BQ4=enhanced.input_from_picture(selected.boxes_BQ4)),
            enhanced,
        )

    def _logits(self, queries: Sequence[Tensor], text_BTC: Tensor, no_word_BT: Tensor) -> list[Tensor]:
        heads = list(self.classify)[-len(queries) :]
        return [head(query_BQC, text_BTC, no_word_BT) for head, query_BQC in zip(heads, queries, strict=True)]


def _self_bias(chosen: int, apart_BKK: Tensor) -> Tensor:
    """The attention bias of the queries' self-attention, (B, 1, Q + K, Q + K)."""
    masked = F.pad(apart_BKK, (chosen, 0))  # extra queries attend to selected ones
    masked = F.pad(masked, (0, 0, chosen, 0))
    masked[:, :chosen, chosen:] = True  # but not the reverse
    return masked[:, None].float() * lowest(torch.float32)
