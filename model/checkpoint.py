# pyright: reportUnknownVariableType=false
"""Weights and what belongs to them, to and from files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .config import ConfigError, ModelConfig

_EMBEDDED = Path(__file__).parent / "tabletop" / "tabletop.safetensors"


class CheckpointError(ValueError):
    """A weight file cannot be used; the text names the file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A weight file, read.

    Args:
        config: what to build.
        vocabulary: token -> id, for the tokenizer.
        known_wordings: what the model was taught, or None where it reads any words.
        weights: name -> tensor, as stored.
    """

    config: ModelConfig
    vocabulary: dict[str, int]
    known_wordings: tuple[str, ...] | None
    weights: dict[str, Tensor]


def find_checkpoint(name_or_path: str) -> Path:
    """The weight file a user means.

    Raises:
        CheckpointError: there is no such file.
    """
    path = _EMBEDDED if name_or_path == "tabletop" else Path(name_or_path).expanduser()
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: name the .safetensors file in it")
    if not path.is_file():
        raise CheckpointError(f"no weights at {path}: name a .safetensors file, or 'tabletop' for the embedded model")
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Read `x.safetensors` and the `x.json` beside it.

    Raises:
        CheckpointError: either file is missing, unreadable, or not what it should be.
    """
    facts = _read_facts(path.with_suffix(".json"))
    try:
        tokens: Sequence[str] = facts["vocabulary"]
        known: Sequence[str] | None = facts.get("known_wordings")
        config = ModelConfig.from_dict(facts["config"])
    except (KeyError, TypeError, ConfigError) as error:
        raise CheckpointError(f"{path.with_suffix('.json')} does not describe a model: {error}") from error
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot read the weights in {path}: {error}; copy or download the file again") from error
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return Checkpoint(config, vocabulary, None if known is None else tuple(known), weights)


def write_checkpoint(path: Path, checkpoint: Checkpoint, facts: Mapping[str, Any] | None = None) -> None:
    """Write `x.safetensors` and `x.json`; floating weights as fp16. `facts` go into the JSON as they are."""
    weights = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in checkpoint.weights.items()
    }
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    ordered = sorted(checkpoint.vocabulary, key=lambda token: checkpoint.vocabulary[token])
    description = {
        "config": checkpoint.config.to_dict(),
        "vocabulary": ordered,
        "known_wordings": checkpoint.known_wordings,
        **(facts or {}),
    }
    path.with_suffix(".json").write_text(json.dumps(description, indent=1) + "\n")


def keep_weights(model: nn.Module) -> dict[str, Tensor]:
    """What is worth storing: everything but the counters of batch norm."""
    return {name: tensor for name, tensor in model.state_dict().items() if not _counter(name)}


def set_weights(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Fill the model; every name and every shape must fit.

    Raises:
        CheckpointError: lists the names that are unknown, missing or of another shape.
    """
    own = {name: tensor for name, tensor in model.state_dict().items() if not _counter(name)}
    unknown = sorted(set(weights) - set(own))
    missing = sorted(set(own) - set(weights))
    misshapen = [
        f"{name} is {tuple(weights[name].shape)}, not {tuple(own[name].shape)}"
        for name in sorted(set(own) & set(weights))
        if weights[name].shape != own[name].shape
    ]
    for what, names in (("unknown", unknown), ("missing", missing), ("of another shape", misshapen)):
        if names:
            raise CheckpointError(
                f"the weights in {path} do not fit the model: {len(names)} {what}: {', '.join(names[:5])}"
                f"{', ...' if len(names) > 5 else ''}; use the weights and the .json that belong together"
            )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])


def _counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: Any = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}, which describes the weights beside it: {error}") from error
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path} does not describe a model: it is not a JSON object")
    return facts
