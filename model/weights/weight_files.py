"""Weight files: tensors of safetensors files, whole or in shards, and of .pth files, read one at a time."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from .weight_names import Part, Source


class CheckpointError(ValueError):
    """A weight file cannot be used; the text names the file, what is wrong and what to do."""


class StoredWeights(Mapping[str, Tensor]):
    """The tensors of one model by name; each is read on access, so that memory holds one copy."""

    def __init__(self, path: Path) -> None:
        """Raises:
        CheckpointError: a file is missing, cut short, or holds something other than tensors.
        """
        self._tensors: dict[str, Tensor] = {}
        self._file_of: dict[str, Any] = {}
        try:
            if path.suffix == ".safetensors":
                self._open(path)
            elif path.suffix == ".json":
                for shard in shard_names(path):
                    self._open(path.parent / shard)
            else:
                self._tensors = _pickled(path)
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise CheckpointError(f"cannot read the weights in {path}: {error}; copy or download them again") from error

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name] if name in self._tensors else self._file_of[name].get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._tensors or self._file_of

    def __len__(self) -> int:
        return len(self._tensors or self._file_of)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors or name in self._file_of

    def shape(self, name: str) -> tuple[int, ...]:
        if name in self._tensors:
            return tuple(self._tensors[name].shape)
        return tuple(self._file_of[name].get_slice(name).get_shape())

    def _open(self, path: Path) -> None:
        file = safe_open(path, framework="pt")
        self._file_of |= dict.fromkeys(file.keys(), file)


class RenamedWeights(Mapping[str, Tensor]):
    """Stored tensors under our names."""

    def __init__(self, stored: StoredWeights, sources: Mapping[str, Source]) -> None:
        self._stored, self._sources = stored, sources

    def __getitem__(self, name: str) -> Tensor:
        source = self._sources[name]
        tensors = [self._stored[own] for own in source.names]
        return _part(tensors[0], source.part) if len(tensors) == 1 else torch.cat(tensors)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def shape(self, name: str) -> tuple[int, ...]:
        source = self._sources[name]
        shape = self._stored.shape(source.names[0])
        if len(source.names) > 1:
            return shape[0] * len(source.names), *shape[1:]
        if source.part == "one":
            return shape[1:]
        return shape if source.part in ("whole", "unfolded") else (shape[0] // 3, *shape[1:])


def shard_names(index: Path) -> list[str]:
    """The weight files that an index lists; all lie in its folder.

    Raises:
        CheckpointError: it is no index, or names a file in another folder.
    """
    try:
        names: set[object] = set(json.loads(index.read_text())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} is no index of weights: {error}; copy or download it again") from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{index} names {repr(name)[:80]}: its files must be .safetensors beside it")
    return sorted(name for name in names if isinstance(name, str))


def _part(stored: Tensor, part: Part) -> Tensor:
    """The part of a stored tensor: query, key or value of a joint projection, or the whole tensor."""
    if part == "whole":
        return stored
    if part == "one":
        return stored[0]
    if part == "unfolded":  # channel, row, column -> column, row, channel
        return stored.unflatten(-1, (-1, 2, 2)).transpose(-1, -3).flatten(-3)
    return stored.chunk(3)[("query", "key", "value").index(part)]


def _pickled(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle; no code in it is executed."""
    try:
        # Files from before torch 1.6 are no archives, cannot be memory-mapped, and may have any pickle protocol.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        reason = "it holds more than tensors, and code in a weight file is never run"
        advice = "store its 'model' or 'state_dict' alone, or use a .safetensors file"
        raise CheckpointError(f"cannot read the weights in {path}: {reason}; {advice}") from error
    except (RuntimeError, EOFError) as error:
        raise CheckpointError(f"cannot read the weights in {path}: {error}; copy or download them again") from error
    for key in ("model", "state_dict"):  # in the original's files, and in mmdetection's
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(x, Tensor) for x in content.values()):
        raise CheckpointError(
            f"{path} is no weight file: it should map names to tensors, or hold such a map as 'model' or 'state_dict'"
        )
    return content
