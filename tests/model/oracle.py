"""Small models of the family in transformers, whose outputs ours must reproduce."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    SwinConfig,
)

from groundcast.launch.bench.oracle import draw_anew, vocabulary
from groundcast.model.dino.text_encoder import Words, pad_words
from groundcast.model.dino.tokenizer import TokenizedPrompt, Tokenizer
from groundcast.model.prompt import Phrase, Prompt

_WORDS = 1100


@dataclass(frozen=True)
class Sizes:
    """What is drawn at random for a test."""

    width: int = 64
    heads: int = 4
    points: int = 2
    levels: int = 4
    layers: int = 2
    queries: int = 20
    window: int = 3
    depths: tuple[int, ...] = (1, 1, 2, 1)
    stages: tuple[int, ...] = (2, 3, 4)
    embed_dim: int = 16
    text_layers: int = 2
    text_heads: int = 2
    shared: bool | None = None  # heads of all decoder layers alike; None is what the family does


def oracle(sizes: Sizes, *, mm: bool = False, seed: int = 0) -> nn.Module:
    """With every parameter that begins at zero, or near it, drawn anew: zeros would hide whole blocks."""
    torch.manual_seed(seed)
    stages: dict[str, Any] = {"out_indices": list(sizes.stages)}
    swin = SwinConfig(
        embed_dim=sizes.embed_dim,
        depths=list(sizes.depths),
        num_heads=[1, 2, 2, 4],
        window_size=sizes.window,
        drop_path_rate=0.0,
        **stages,
    )
    bert = BertConfig(
        vocab_size=_WORDS,
        hidden_size=64,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.text_heads,
        intermediate_size=96,
    )
    options: dict[str, Any] = {
        "backbone_config": swin,
        "text_config": bert,
        "d_model": sizes.width,
        "encoder_layers": sizes.layers,
        "decoder_layers": sizes.layers,
        "encoder_ffn_dim": 96,
        "decoder_ffn_dim": 96,
        "encoder_attention_heads": sizes.heads,
        "decoder_attention_heads": sizes.heads,
        "encoder_n_points": sizes.points,
        "decoder_n_points": sizes.points,
        "num_feature_levels": sizes.levels,
        "num_queries": sizes.queries,
    }
    shared = not mm if sizes.shared is None else sizes.shared
    options["decoder_bbox_embed_share"] = shared
    if mm:
        options["decoder_cls_embed_share"] = shared
        model = MMGroundingDinoForObjectDetection(MMGroundingDinoConfig(**options))
    else:
        model = GroundingDinoForObjectDetection(GroundingDinoConfig(**options))
    draw_anew(model, std=0.2)
    return model.eval()


def words_of(prompts: tuple[tuple[int, ...], ...]) -> Words:
    """Prompts of phrases of so many words each."""
    tokenizer = Tokenizer(vocabulary())
    asked: list[TokenizedPrompt] = []
    for lengths in prompts:
        row, phrases = 0, list[Phrase]()
        for length in lengths:
            phrases.append(Phrase(" ".join(f"word{(row + i) % 100}" for i in range(length))))
            row += length + 1
        asked.append(tokenizer.encode(Prompt(tuple(phrases))))
    return pad_words(asked)


@torch.no_grad()
def ask_oracle(
    model: nn.Module, pictures_B3HW: Tensor, ids_BT: Tensor, words_BT: Tensor, pixels_BHW: Tensor | None
) -> Any:
    return model(pixel_values=pictures_B3HW, input_ids=ids_BT, attention_mask=words_BT.long(), pixel_mask=pixels_BHW)
