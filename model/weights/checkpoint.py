"""Checkpoints: weights with their configuration and vocabulary, read from and written to files."""

# pyright: reportUnknownVariableType=false

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from ..config import ConfigError, ModelConfig
from .config_file import is_texts, read_config
from .embedded import EMBEDDED
from .hub import HubError, hub_weights, is_hub_name
from .published import check_vocabulary, find_vocabulary, recognise
from .weight_files import CheckpointError, RenamedWeights, StoredWeights
from .weight_names import plan_names

__all__ = ["Checkpoint", "CheckpointError", "find_checkpoint", "read_checkpoint", "set_weights", "write_checkpoint"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A weight file with its description.

    Args:
        config: the model's configuration.
        vocabulary: token -> id, for the tokenizer.
        known_wordings: the wordings the model was taught; None if it reads any words.
        weights: our name -> tensor; those of a file are read on access.
    """

    config: ModelConfig
    vocabulary: dict[str, int]
    known_wordings: tuple[str, ...] | None
    weights: Mapping[str, Tensor]


def find_checkpoint(name_or_path: str, *, offline: bool = False) -> Path:
    """The weight file that a user names: 'tabletop' or 'everyday', a file, a folder, or a model of the hub.

    Args:
        name_or_path: 'owner/model' or 'owner/model@revision' is of the hub if no such file or folder exists.
        offline: use the hub's cache alone.

    Raises:
        CheckpointError: there is no such file.
    """
    try:
        path = EMBEDDED.get(name_or_path) or Path(name_or_path).expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except RuntimeError as error:
        raise CheckpointError(f"no weights at {name_or_path}: no user has that name, after ~") from error
    except OSError as error:
        raise CheckpointError(
            f"no weights at {name_or_path[:100]} ({error.strerror}): name a path that can be"
        ) from error
    if is_folder:
        return _in_folder(path)
    if is_file:
        return path
    if not is_hub_name(name_or_path):
        raise CheckpointError(
            f"no weights at {path}: name a .safetensors or .pth file, a folder with one, a model of the hub as "
            "'owner/model', or an embedded model: 'tabletop' or 'everyday'"
        )
    try:
        return hub_weights(name_or_path, offline=offline)
    except HubError as error:
        raise CheckpointError(f"no weights for {name_or_path}: {error}") from error


def read_checkpoint(path: Path, *, offline: bool = False) -> Checkpoint:
    """Read the description of the weights; the weights themselves are read on access.

    Our own files have an `x.json` beside `x.safetensors`. Published files are recognised by their tensors.

    Raises:
        CheckpointError: a file is missing, unreadable or invalid.
    """
    if path.suffix == ".safetensors" and path.with_suffix(".json").is_file():
        return _read_own(path)
    stored = StoredWeights(path)
    plan = plan_names(stored)
    if plan.unknown or not plan.sources:
        raise CheckpointError(
            f"{path} holds {len(plan.unknown)} tensors that no Grounding DINO has: {_some(plan.unknown)}"
        )
    for duplicate, name in plan.duplicates.items():
        if not torch.equal(stored[duplicate], stored[name]):
            raise CheckpointError(
                f"{path} has two tensors for one place, {name} and {duplicate}, that differ: leave one out"
            )
    if plan.ignored:
        _log.info("not needed of %s: %s", path, _some(plan.ignored))
    facts = _read_facts(path.parent / "config.json") if (path.parent / "config.json").is_file() else {}
    weights = RenamedWeights(stored, plan.sources)
    config = recognise(weights, plan, _model_name(path), facts)
    vocabulary = find_vocabulary(path.parent, config.text.vocabulary, offline=offline)
    return Checkpoint(config, vocabulary, None, weights)


def _read_own(path: Path) -> Checkpoint:
    described = path.with_suffix(".json")
    facts = _read_facts(described)
    try:
        config = read_config(facts.get("config"))
    except ConfigError as error:
        raise CheckpointError(f"{described} does not describe a model: {error}") from error
    tokens: object = facts.get("vocabulary")
    known: object = facts.get("known_wordings")
    if not is_texts(tokens) or not (known is None or is_texts(known)):
        raise CheckpointError(f"{described} does not describe a model: its words must be lists of texts")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    check_vocabulary(described, vocabulary, config.text.vocabulary)
    return Checkpoint(config, vocabulary, None if known is None else tuple(known), StoredWeights(path))


def _in_folder(folder: Path) -> Path:
    """The one set of weights in a folder."""
    for name in ("model.safetensors", "model.safetensors.index.json"):
        if (folder / name).is_file():
            return folder / name
    found = sorted([*folder.glob("*.safetensors"), *folder.glob("*.pth")])
    if len(found) != 1:
        held = f"{len(found)} weight files" if found else "no .safetensors or .pth file"
        raise CheckpointError(f"{folder} holds {held}: name the one that is meant")
    return found[0]


def _model_name(path: Path) -> str:
    """A published model's name in messages: its file's name, or its folder's if the file has the hub's usual name."""
    if path.name.startswith("model.safetensors"):
        hub = [part for part in path.parts if part.startswith("models--")]
        return hub[-1].split("--")[-1] if hub else path.resolve().parent.name
    return path.stem


def write_checkpoint(path: Path, checkpoint: Checkpoint, facts: Mapping[str, Any] | None = None) -> None:
    """Write `x.safetensors` and `x.json`; floating weights as fp16. `facts` are added to the JSON unchanged.

    Each is written to a temporary file and renamed, so that an interruption leaves the old files whole.

    Raises:
        OSError: a file cannot be written.
    """
    weights = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in checkpoint.weights.items()
    }
    ordered = sorted(checkpoint.vocabulary, key=lambda token: checkpoint.vocabulary[token])
    description = {
        "config": checkpoint.config.to_dict(),
        "vocabulary": ordered,
        "known_wordings": checkpoint.known_wordings,
        **(facts or {}),
    }
    partial, described = path.with_suffix(".part"), path.with_suffix(".json.part")
    try:
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, partial)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(path)) from error
    described.write_text(json.dumps(description, indent=1) + "\n")
    partial.chmod(described.stat().st_mode)  # safetensors ignores the umask and lets the owner alone read
    partial.replace(path)
    described.replace(path.with_suffix(".json"))


def file_sha256(path: Path) -> str:
    """The file's SHA-256, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights to store: all but the counters of batch norm."""
    return {name: tensor for name, tensor in model.state_dict().items() if not _counter(name)}


def set_weights(model: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load the weights into the model; every name and every shape must match.

    Raises:
        CheckpointError: lists the names that are unknown, missing or of another shape.
    """
    own = {name: tensor for name, tensor in model.state_dict().items() if not _counter(name)}
    named = {name: _stored_name(name, weights) for name in own}
    unknown = sorted(set(weights) - set(own))
    missing = sorted(name for name, source in named.items() if source not in weights)
    misshapen = [
        f"{name} is {have}, not {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if named[name] in weights and (have := _shape(weights, named[name])) != tuple(tensor.shape)
    ]
    for what, names in (("unknown", unknown), ("missing", missing), ("of another shape", misshapen)):
        if names:
            raise CheckpointError(f"the weights in {path} do not fit the model: {len(names)} {what}: {_some(names)}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[named[name]])


def _stored_name(name: str, weights: Mapping[str, Tensor]) -> str:
    """The name under which a weight is stored. Heads that decoder layers share may be stored for the first alone."""
    head = re.match(r"(decoder\.box|classify)\.\d+\.", name)
    if head is None or name in weights:
        return name
    is_shared = not any(re.match(rf"{head[1]}\.[1-9]", other) for other in weights)
    return f"{head[1]}.0.{name[head.end() :]}" if is_shared else name


def _shape(weights: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    if isinstance(weights, StoredWeights | RenamedWeights):
        return weights.shape(name)
    return tuple(weights[name].shape)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: Any = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path}, which describes the weights beside it: {error}") from error
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path} does not describe a model: it is not a JSON object")
    return facts
