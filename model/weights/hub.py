"""Hugging Face hub: a model's files, through the hub's own library and cache."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
from pathlib import Path

from .weight_files import shard_names

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_BESIDE = ("config.json", "vocab.txt", "tokenizer.json")
_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


class HubError(RuntimeError):
    """A file of the hub cannot be read or downloaded; the text says which and why."""


def is_hub_name(name: str) -> bool:
    """True for 'owner/model' and 'owner/model@revision'."""
    return _NAME.fullmatch(name) is not None


def hub_weights(name: str, *, offline: bool = False) -> Path:
    """The weights of 'owner/model' or 'owner/model@revision' in the local cache; missing ones are downloaded.

    Raises:
        HubError: they are not in the cache and cannot be downloaded.
        CheckpointError: the index of weights is invalid.
    """
    for other in _BESIDE:
        try:
            hub_file(name, other, offline=offline)
        except HubError:
            continue  # not every model has all of them; a required one is requested again later
    try:
        return hub_file(name, _WEIGHTS[0], offline=offline)
    except HubError as first:
        try:
            index = hub_file(name, _WEIGHTS[1], offline=offline)
        except HubError:
            raise first from None
    for shard in shard_names(index):
        hub_file(name, shard, offline=offline)
    return index


def hub_file(name: str, file: str, *, offline: bool = False) -> Path:
    """One file of a model.

    Raises:
        HubError: it is not in the cache and cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        return Path(hf_hub_download(repository, file, revision=revision or None, local_files_only=offline))
    except LocalEntryNotFoundError as error:
        reason = "it is not in the local cache and was not fetched: offline, or the hub cannot be reached"
        raise HubError(f"{file} of {name}: {reason}") from error
    except EntryNotFoundError as error:
        raise HubError(f"{name} has no {file}") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise HubError(f"{file} of {name}: {str(error).splitlines()[0]}") from error
