"""Models of transformers' own classes, read from a folder with complete safetensors only."""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from .hub import HubError, hub_file, hub_weights
from .weight_files import CheckpointError


def read_transformers_model(folder: Path, class_name: str) -> Any:
    """A model of transformers from a folder, in float32.

    Raises:
        CheckpointError: weights are missing or of another shape, which transformers itself would draw at random.
    """
    import transformers

    shows_bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.disable_progress_bar()
    try:
        model, report = getattr(transformers, class_name).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"the weights in {folder} cannot be read as {class_name}: {reason}") from error
    finally:
        if shows_bars:
            transformers.logging.enable_progress_bar()
    faults = [*report["missing_keys"], *report["mismatched_keys"]]
    if faults:
        some = ", ".join(str(one) for one in sorted(map(str, faults))[:5])
        raise CheckpointError(
            f"the weights in {folder} are not complete: {len(faults)} are missing or of another shape: {some}"
        )
    return model


def hub_folder(name: str, preparations: Sequence[str], *, offline: bool = False) -> Path:
    """The local folder of a model of the hub, with its weights and configuration, downloaded unless they are there.

    Args:
        name: 'owner/model'.
        preparations: files that models of the kind may have beside; none must be there.

    Raises:
        CheckpointError: there is no such model, or it cannot be had.
    """
    try:
        for file in preparations:
            try:
                hub_file(name, file, offline=offline)
            except HubError:
                continue
        hub_weights(name, offline=offline)
        return hub_file(name, "config.json", offline=offline).parent
    except (HubError, CheckpointError) as error:
        raise CheckpointError(f"no weights for {name}: {error}") from error


def model_type_of(folder: Path) -> str:
    """The type of model that a folder's config.json names.

    Raises:
        CheckpointError: it cannot be read.
    """
    path = folder / "config.json"
    try:
        facts: Any = json.loads(path.read_text())
        return str(facts.get("model_type"))
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise CheckpointError(f"cannot read {path}, which describes the weights beside it: {error}") from error
