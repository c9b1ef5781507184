"""Grounding DINO: a picture and words in, boxes that answer the words out.

Letters: B picture, C channel, H W pixels, S flattened pixels, Q query, T token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .backbone import Backbone
from .config import ModelConfig
from .decoder import Decoder
from .edge_encoder import EdgeEncoder
from .encoder import Encoder
from .heads import ClassHead
from .picture_area import PictureArea
from .query_selection import QuerySelection, Selected
from .text_encoder import TextEncoder, TextFeatures, Words


@dataclass(frozen=True, slots=True)
class Output:
    """What each decoder layer says in training; otherwise what the last one says, which is the answer.

    Args:
        logits: per layer (B, Q, T), fp32; -inf where there is no word.
        boxes: per layer (B, Q, 4), cx cy w h in 0..1 of the network's input, fp32.
        selected: the proposals before the decoder.
        memory_BSC: the enhanced maps, levels one after another.
        shapes: (height, width) of each level.
        text_BTC: the words as the picture changed them.
    """

    logits: tuple[Tensor, ...]
    boxes: tuple[Tensor, ...]
    selected: Selected
    memory_BSC: Tensor
    shapes: tuple[tuple[int, int], ...]
    text_BTC: Tensor


class GroundingDino(nn.Module):
    """The whole model. Text features are computed once per prompt with `read`, then used for any number of pictures."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.text_encoder = TextEncoder(config.text, config.width)
        self.backbone = Backbone(config)
        self.encoder = EdgeEncoder(config) if config.body == "edge" else Encoder(config)
        self.selection = QuerySelection(config)
        self.query_content = nn.Parameter(torch.randn(config.queries, config.width))
        self.decoder = Decoder(config)
        shared = ClassHead(config)
        self.classify = nn.ModuleList(
            shared if config.share_heads else ClassHead(config) for _ in range(config.decoder_layers)
        )

    def read(self, words: Words) -> TextFeatures:
        """The prompts' features, which do not depend on any picture."""
        return self.text_encoder(words)

    def forward(
        self,
        pictures_B3HW: Tensor,
        text: TextFeatures,
        valid_B2: Tensor | None = None,
        picture_of_row: Sequence[int] | None = None,
        places_BQ: Tensor | None = None,
    ) -> Output:
        """Find what the text asks for.

        Args:
            pictures_B3HW: normalised RGB.
            text: from `read`, one row a picture.
            valid_B2: width and height of each picture within the padded input, in 0..1; None where nothing is padded.
            picture_of_row: where several captions ask about one picture: the picture of each row of `text` (and of
                `valid_B2`). The backbone then sees each picture once.
            places_BQ: these cells become queries, in this order, instead of those that score best: for comparing two
                implementations, whose rounding ranks neighbours differently. Of the full body alone.
        """
        maps = self.backbone(pictures_B3HW)
        if picture_of_row is not None:
            maps = [one[list(picture_of_row)] for one in maps]
        shapes = tuple((one.shape[2], one.shape[3]) for one in maps)
        area = None
        if isinstance(self.encoder, EdgeEncoder):
            memory_BSC, text_BTC = self.encoder(maps, text)
        else:
            input_hw = pictures_B3HW.shape[2], pictures_B3HW.shape[3]
            area = PictureArea.of(input_hw, shapes, valid_B2, pictures_B3HW.device)
            memory_BSC, text_BTC = self.encoder(maps, text, area)
        selected = self.selection(memory_BSC, shapes, text_BTC, text.no_word_BT, valid_B2, area, places_BQ)
        B, Q, _ = selected.boxes_BQ4.shape
        content_BQC = self.query_content[:Q].expand(B, -1, -1).to(memory_BSC.dtype)
        start = (content_BQC, selected.boxes_BQ4, memory_BSC, shapes)
        queries, boxes = self.decoder(*start, text_BTC, text.no_word_BT, area)
        if area is not None and valid_B2 is not None:  # from the picture to the input
            boxes = [one * valid_B2.repeat(1, 2)[:, None] for one in boxes]
        logits = self._answers(queries, text_BTC, text.no_word_BT)
        return Output(tuple(logits), tuple(boxes), selected, memory_BSC, shapes, text_BTC)

    def _answers(self, queries: Sequence[Tensor], text_BTC: Tensor, no_word_BT: Tensor) -> list[Tensor]:
        heads = list(self.classify)[-len(queries) :]
        return [head(query_BQC, text_BTC, no_word_BT) for head, query_BQC in zip(heads, queries, strict=True)]
