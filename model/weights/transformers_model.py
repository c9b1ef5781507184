"""Models of transformers' own classes, read from a folder with complete safetensors only."""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

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
