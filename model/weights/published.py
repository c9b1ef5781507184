"""Published weights: the configuration derived from their tensors, and their vocabulary."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..config import ConfigError, ModelConfig, TextConfig
from .config_file import read_config
from .hub import HubError, hub_file
from .weight_files import CheckpointError, RenamedWeights
from .weight_names import NamePlan

# By the width of Swin's first maps. The other sizes are read from the tensors.
_SWIN_OF_WIDTH = {
    96: "swin_tiny_patch4_window7_224",
    128: "swin_base_patch4_window12_384",
    192: "swin_large_patch4_window12_384",
}
_ANY_SWIN = "swin_tiny_patch4_window7_224"
_BERT = "google-bert/bert-base-uncased"
_BERT_HEAD = 64  # channels; of every published BERT
# The epsilon of the box passed to the next decoder layer, and that of a layer's output.
_EPS = {"original": (1e-3, 1e-3), "mmdetection": (1e-3, 1e-5), "hub": (1e-5, 1e-5), "own": (1e-5, 1e-5)}
_HEADS = 8  # of every published Grounding DINO; the tensors do not show it


def recognise(weights: RenamedWeights, plan: NamePlan, name: str, facts: Mapping[str, Any]) -> ModelConfig:
    """The configuration derived from the tensors.

    Args:
        weights: the tensors under our names.
        plan: how they were renamed: each spelling has its own published behaviour.
        name: the model's name in messages.
        facts: the hub's config.json, empty if there is none; used only for what no tensor shows.

    Raises:
        CheckpointError: they are not a Grounding DINO.
    """
    shapes = {key: weights.shape(key) for key in weights}
    try:
        config = read_config(_recognise(shapes, plan, name, facts).to_dict())
    except ConfigError as error:
        raise CheckpointError(f"{name} is no Grounding DINO: {error}") from error
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise CheckpointError(f"{name} is no Grounding DINO: it has no tensor that is our {error}") from error
    return replace(config, share_heads=config.share_heads and _are_alike(weights))


def _are_alike(weights: RenamedWeights) -> bool:
    """Whether all decoder layers share one box head, which a file may store once or for each layer."""
    heads = {name: match for name in weights if (match := re.match(r"decoder\.box\.\d+\.", name))}
    first = {name: f"decoder.box.0.{name[match.end() :]}" for name, match in heads.items()}
    return all(own in weights and torch.equal(weights[name], weights[own]) for name, own in first.items())


def _recognise(
    shapes: Mapping[str, tuple[int, ...]], plan: NamePlan, name: str, facts: Mapping[str, Any]
) -> ModelConfig:
    queries, width = shapes["query_content"]
    norms = _count(shapes, r"backbone\.body\.norms\.(\d+)\.")
    projections = _count(shapes, r"backbone\.project\.(\d+)\.")
    stages = _count(shapes, r"backbone\.body\.body\.layers\.(\d+)\.")
    heads = _heads(facts, "encoder_attention_heads", _HEADS)
    offsets = shapes["encoder.layers.0.image_attention.sampling_offsets.weight"][0]
    has_bias = "classify.0.bias" in shapes
    swin_width = shapes["backbone.body.body.patch_embed.proj.weight"][0]
    return ModelConfig(
        name=name,
        text=_text(shapes, facts.get("text_config")),
        body="full",
        backbone=_SWIN_OF_WIDTH.get(swin_width, _ANY_SWIN),
        backbone_options=_swin(shapes, stages),
        levels=plan.levels or tuple(range(stages - norms, stages)),
        extra_levels=projections - norms,
        width=width,
        heads=heads,
        points=offsets // (heads * projections * 2),
        enhancer_layers=_count(shapes, r"encoder\.layers\.(\d+)\."),
        decoder_layers=_count(shapes, r"decoder\.layers\.(\d+)\."),
        feed_forward=shapes["decoder.layers.0.feed_forward.fc1.weight"][0],
        fusion_width=shapes["encoder.layers.0.fusion.image_proj.weight"][0],
        queries=queries,
        head="scaled" if has_bias else "dot",
        share_heads=not has_bias,
        refine_eps=_EPS[plan.spelling][0],
        answer_eps=_EPS[plan.spelling][1],
    )


def _swin(shapes: Mapping[str, tuple[int, ...]], stages: int) -> dict[str, Any]:
    table = "backbone.body.body.layers.{}.blocks.0.attn.relative_position_bias_table"
    places, _ = shapes[table.format(0)]
    return {
        "embed_dim": shapes["backbone.body.body.patch_embed.proj.weight"][0],
        "depths": [_count(shapes, rf"backbone\.body\.body\.layers\.{i}\.blocks\.(\d+)\.") for i in range(stages)],
        "num_heads": [shapes[table.format(i)][1] for i in range(stages)],
        "window_size": (round(places**0.5) + 1) // 2,
    }


def _text(shapes: Mapping[str, tuple[int, ...]], facts: object) -> TextConfig:
    vocabulary, width = shapes["text_encoder.bert.embeddings.word_embeddings.weight"]
    layers = _count(shapes, r"text_encoder\.bert\.encoder\.layer\.(\d+)\.")
    heads = _heads(facts, "num_attention_heads", max(1, width // _BERT_HEAD))
    hidden = shapes["text_encoder.bert.encoder.layer.0.intermediate.dense.weight"][0]
    return TextConfig(vocabulary, width=width, layers=layers, heads=heads, feed_forward=hidden)


def _heads(facts: object, key: str, usual: int) -> int:
    """The number of heads in the hub's configuration, or the usual number if it has none."""
    named: object = facts.get(key) if isinstance(facts, dict) else None
    return named if isinstance(named, int) and not isinstance(named, bool) else usual


def _count(shapes: Mapping[str, tuple[int, ...]], pattern: str) -> int:
    found = {int(match[1]) for name in shapes if (match := re.match(pattern, name))}
    return max(found) + 1 if found else 0


def find_vocabulary(folder: Path, size: int, *, offline: bool = False) -> dict[str, int]:
    """Token -> id: from the weights' folder, else from the hub's cache, else downloaded.

    Args:
        folder: the weights' folder.
        size: the number of tokens of the text encoder.

    Raises:
        CheckpointError: there is none, or it belongs to another model.
    """
    for name in ("vocab.txt", "tokenizer.json"):
        if (folder / name).is_file():
            return _vocabulary(folder / name, size)
    try:
        return _vocabulary(hub_file(_BERT, "vocab.txt", offline=offline), size)
    except HubError as error:
        raise CheckpointError(
            f"the words of the text encoder are missing: put the vocab.txt of {_BERT} into {folder} ({error})"
        ) from error


def _vocabulary(path: Path, size: int) -> dict[str, int]:
    try:
        if path.suffix == ".txt":
            vocabulary = {token: row for row, token in enumerate(path.read_text(encoding="utf-8").splitlines())}
        else:
            vocabulary = {str(token): int(row) for token, row in json.loads(path.read_text())["model"]["vocab"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is no vocabulary: {error}; copy or download it again") from error
    check_vocabulary(path, vocabulary, size)
    return vocabulary


def check_vocabulary(path: Path, vocabulary: Mapping[str, int], size: int) -> None:
    """Check that the vocabulary fits a text encoder of `size` tokens.

    Raises:
        CheckpointError: a special token is missing, or an id is out of the text encoder's range.
    """
    missing = [mark for mark in ("[CLS]", "[SEP]", "[UNK]", ".") if mark not in vocabulary]
    if missing or not 0 <= min(vocabulary.values()) <= max(vocabulary.values()) < size:
        reason = f"it lacks {missing[0]!r}" if missing else f"its tokens are not numbered 0..{size - 1}"
        raise CheckpointError(f"{path} does not belong to these weights: {reason}")
