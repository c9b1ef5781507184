# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
"""Small models of the family in transformers, whose answers ours must give."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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

from groundcast.model.prompt import Phrase, Prompt
from groundcast.model.text_encoder import Words, pad_words
from groundcast.model.tokenizer import TokenizedPrompt, Tokenizer

# transformers knows the marks that part phrases by their numbers in BERT's own vocabulary.
_CLS, _SEP, _DOT, _ASK = 101, 102, 1012, 1029
_WORDS = 1100


def vocabulary() -> dict[str, int]:
    """BERT's numbers for the marks, and some words."""
    marks = {"[PAD]": 0, "[UNK]": 100, "[CLS]": _CLS, "[SEP]": _SEP, ".": _DOT, "?": _ASK}
    return marks | {f"word{row}": 200 + row for row in range(100)}


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


def oracle(sizes: Sizes, *, mm: bool = False, seed: int = 0) -> nn.Module:
    """With every parameter that begins at zero, or near it, drawn anew: zeros would hide whole blocks."""
    torch.manual_seed(seed)
    stages: dict[str, Any] = {"out_indices": [2, 3, 4]}
    swin = SwinConfig(
        embed_dim=16,
        depths=list(sizes.depths),
        num_heads=[1, 2, 2, 4],
        window_size=sizes.window,
        drop_path_rate=0.0,
        **stages,
    )
    bert = BertConfig(
        vocab_size=_WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=96
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
    if mm:
        unshared: dict[str, Any] = {"decoder_bbox_embed_share": False, "decoder_cls_embed_share": False}
        model = MMGroundingDinoForObjectDetection(MMGroundingDinoConfig(**options, **unshared))
    else:
        model = GroundingDinoForObjectDetection(GroundingDinoConfig(**options))
    draw_anew(model)
    return model.eval()


@torch.no_grad()
def draw_anew(model: Any, std: float = 0.2) -> None:
    """Every parameter that begins at zero or near it; copies of shared heads follow."""
    for name, parameter in model.named_parameters():
        if name.endswith(("vision_param", "text_param")):
            parameter.fill_(1.0)
        elif "sampling_offsets" in name or "attention_weights" in name or float(parameter.abs().max()) == 0.0:
            parameter.normal_(std=std)
        elif ".bias" in name or "norm" in name:
            parameter.add_(torch.randn_like(parameter) * 0.1)
    for own, copy in zip(model.bbox_embed, model.model.decoder.bbox_embed, strict=True):
        copy.load_state_dict(own.state_dict())
    if hasattr(model, "class_embed") and hasattr(model.model.decoder, "class_embed"):
        classes = model.model.decoder.class_embed
        if classes is not None:
            for own, copy in zip(model.class_embed, classes, strict=True):
                copy.load_state_dict(own.state_dict())


def save(model: nn.Module, folder: Path) -> Path:
    """As the hub has it, with the vocabulary beside."""
    model.save_pretrained(folder)  # type: ignore[operator]
    rows = [f"[unused{row}]" for row in range(_WORDS)]
    for token, row in vocabulary().items():
        rows[row] = token
    (folder / "vocab.txt").write_text("\n".join(rows) + "\n")
    return folder


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


@contextmanager
def chosen_places(places_BQ: Tensor | None) -> Generator[list[Tensor]]:
    """Listen to which places transformers chooses, or choose for it."""
    chosen: list[Tensor] = []
    topk = torch.topk

    def choose(values: Tensor, *arguments: Any, **options: Any) -> Any:
        found = topk(values, *arguments, **options)
        rows = found[1] if places_BQ is None else places_BQ
        chosen.append(rows)
        return values.gather(1, rows), rows

    torch.topk = choose  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield chosen
    finally:
        torch.topk = topk
