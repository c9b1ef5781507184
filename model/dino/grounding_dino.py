"""Grounding DINO: a picture and words in, boxes that answer the words out.

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
    """Pictures and words that know of each other.

    Args:
        memory_BSC: the enhanced maps, levels one after another.
        shapes: (height, width) of each level.
        text_BTC: the words as the picture changed them.
        no_word_BT: True at padding.
        valid_B2: width and height of each picture within the padded input, in 0..1; None where nothing is padded.
        area: of the full body, which measures boxes in the picture instead of the input.
    """

    memory_BSC: Tensor
    shapes: tuple[tuple[int, int], ...]
    text_BTC: Tensor
    no_word_BT: Tensor
    valid_B2: Tensor | None
    area: PictureArea | None

    def picture_from_input(self, boxes_BQ4: Tensor) -> Tensor:
        """From 0..1 of the input to 0..1 of what the body measures in."""
        return boxes_BQ4 if self._sides is None else boxes_BQ4 / self._sides

    def input_from_picture(self, boxes_BQ4: Tensor) -> Tensor:
        """The other way round."""
        return boxes_BQ4 if self._sides is None else boxes_BQ4 * self._sides

    @property
    def _sides(self) -> Tensor | None:
        """(B, 1, 4): width and height, twice, of each picture in 0..1 of the input; None where boxes need neither."""
        return None if self.area is None or self.valid_B2 is None else self.valid_B2.repeat(1, 2)[:, None]


@dataclass(frozen=True, slots=True)
class ExtraQueries:
    """Queries besides those that were chosen, which must not see them. K extra queries.

    Args:
        content_BKC: what they begin with.
        boxes_BK4: where, cx cy w h in 0..1 of the network's input.
        apart_BKK: True where the row's query may not see the column's; each sees all chosen ones.
    """

    content_BKC: Tensor
    boxes_BK4: Tensor
    apart_BKK: Tensor


@dataclass(frozen=True, slots=True)
class Output:
    """What the last decoder layer says, which is the answer, or what each of them says.

    Args:
        logits: per layer (B, Q, T), fp32; -inf where there is no word.
        boxes: per layer (B, Q, 4), cx cy w h in 0..1 of the network's input, fp32.
        extra_logits, extra_boxes: the same of the extra queries, if there were any.
        selected: the proposals before the decoder, with boxes in 0..1 of the network's input.
        enhanced: what they were chosen from.
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
        """Let training forget what is inside layers and compute it again on the way back, which saves memory."""
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
        """Find what the text asks for.

        Args:
            pictures_B3HW: normalised RGB.
            text: from `read`, one row a picture.
            valid_B2: width and height of each picture within the padded input, in 0..1; None where nothing is padded.
            picture_of_row: where several captions ask about one picture: the picture of each row of `text` (and of
                `valid_B2`), whole numbers on the device. The backbone then sees each picture once.
            places_BQ: these cells become queries, in this order, instead of those that score best: for comparing two
                implementations, whose rounding ranks neighbours differently. Of the full body alone.
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
        """The second half: boxes and what they answer, after the last layer or after each.

        `extra` queries change nothing for the chosen ones.
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
        logits = self._answers(queries, text_BTC, no_word_BT)
        return Output(
            tuple(one[:, :Q] for one in logits),
            tuple(one[:, :Q] for one in boxes),
            tuple(one[:, Q:] for one in logits) if extra is not None else (),
            tuple(one[:, Q:] for one in boxes) if extra is not None else (),
            replace(selected, boxes_BQ4=enhanced.input_from_picture(selected.boxes_BQ4)),
            enhanced,
        )

    def _answers(self, queries: Sequence[Tensor], text_BTC: Tensor, no_word_BT: Tensor) -> list[Tensor]:
        heads = list(self.classify)[-len(queries) :]
        return [head(query_BQC, text_BTC, no_word_BT) for head, query_BQC in zip(heads, queries, strict=True)]


def _self_bias(chosen: int, apart_BKK: Tensor) -> Tensor:
    """What is added to the scores of queries for each other, (B, 1, Q + K, Q + K)."""
    blind = F.pad(apart_BKK, (chosen, 0))  # the extra see the chosen
    blind = F.pad(blind, (0, 0, chosen, 0))
    blind[:, :chosen, chosen:] = True  # and not the other way round
    return blind[:, None].float() * lowest(torch.float32)
