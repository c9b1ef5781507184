"""Published maskers: a SAM read from a folder or the hub, with its preparation of pictures."""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch

from ..runtime.device import named_device
from ..runtime.precision import multiplies_in_bfloat16
from ..weights.hub import HubError, hub_file, hub_weights, is_hub_name
from ..weights.weight_files import CheckpointError
from .families import FAMILIES, Family
from .memory_tracks import MemoryTracks
from .prompted import PromptedMasker

_PREPARATIONS = ("processor_config.json", "preprocessor_config.json")
_log = logging.getLogger(__name__)


class MaskerError(ValueError):
    """A masker cannot be loaded; the text says why and what to do."""


def load_published(name: str, device: torch.device, *, offline: bool = False) -> PromptedMasker:
    """The image model of a folder, or of the hub, as a masker.

    Raises:
        MaskerError: there is no such model, it is of no family that makes masks from boxes, or its weights are not
            complete.
    """
    folder = masker_folder(name, offline=offline)
    family = family_of(folder)
    model = read_model(folder, family.model)
    processor = read_processor(folder, family, model.config)
    # On a CPU bfloat16 is slower for these networks unless the processor has instructions for it.
    dtype = torch.bfloat16 if device.type == "cuda" and multiplies_in_bfloat16(device) else torch.float32
    return PromptedMasker(_shown(name), model, processor, device, dtype)


def load_video(name: str, device: str, *, offline: bool = False) -> MemoryTracks | None:
    """The video model of a folder, or of the hub; None if its weights are those of an image model.

    Raises:
        MaskerError: as of `load_published`.
        DeviceError: this machine has no such device.
    """
    folder = masker_folder(name, offline=offline)
    family = family_of(folder)
    if not family.video or not _is_video(folder):
        return None
    model = read_model(folder, family.video)
    processor = read_processor(folder, family, model.config)
    return MemoryTracks(_shown(name), model, processor, named_device(device))


def masker_folder(name: str, *, offline: bool = False) -> Path:
    """The folder with a model's files; those of the hub are downloaded, unless they are in the local cache.

    Raises:
        MaskerError: there is no such folder or model.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not is_hub_name(name):
        raise MaskerError(
            f"no masker at {name}: name 'tabletop' for the embedded one, a folder, or a model of the hub as "
            "'owner/model'"
        )
    try:
        for file in _PREPARATIONS:
            try:
                hub_file(name, file, offline=offline)
            except HubError:
                continue  # a model has one of them, or none
        hub_weights(name, offline=offline)
        return hub_file(name, "config.json", offline=offline).parent
    except (HubError, CheckpointError) as error:
        raise MaskerError(f"no weights for {name}: {error}") from error


def family_of(folder: Path) -> Family:
    """The family that a folder's config.json names.

    Raises:
        MaskerError: it names none of those that make masks from boxes, or cannot be read.
    """
    kind = _model_type(folder)
    if kind not in FAMILIES:
        raise MaskerError(
            f"{folder / 'config.json'} describes a model of type {kind[:40]!r}, which makes no masks from boxes: name "
            "one of " + ", ".join(FAMILIES)
        )
    return FAMILIES[kind]


def read_model(folder: Path, class_name: str) -> Any:
    """A model of transformers from a folder, in float32.

    Raises:
        MaskerError: weights are missing or of another shape, which transformers itself would draw at random.
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
        raise MaskerError(f"the weights in {folder} cannot be read as {class_name}: {reason}") from error
    finally:
        if shows_bars:
            transformers.logging.enable_progress_bar()
    faults = [*report["missing_keys"], *report["mismatched_keys"]]
    if faults:
        some = ", ".join(str(one) for one in sorted(map(str, faults))[:5])
        raise MaskerError(
            f"the weights in {folder} are not complete: {len(faults)} are missing or of another shape: {some}"
        )
    return model


def read_processor(folder: Path, family: Family, config: Any) -> Any:
    """The preparation of pictures beside the weights; without one that of the family, at the model's size."""
    import transformers

    processor_class = getattr(transformers, family.processor)
    image_class = getattr(transformers, family.image_processor)
    if any((folder / file).is_file() for file in _PREPARATIONS):
        try:
            return processor_class(image_class.from_pretrained(folder, local_files_only=True))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise MaskerError(f"the preparation of pictures in {folder} cannot be read: {error}") from error
    size = config.prompt_encoder_config.image_size
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    _log.info("%s holds no preprocessor_config.json: pictures are prepared as published, at %d px", folder, height)
    sides = {"height": height, "width": width}
    if family.image_processor == "SamImageProcessor":
        return processor_class(image_class(size={"longest_edge": max(height, width)}, pad_size=sides))
    return processor_class(image_class(size=sides))


def _model_type(folder: Path) -> str:
    path = folder / "config.json"
    try:
        facts: Any = json.loads(path.read_text())
        return str(facts.get("model_type"))
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise MaskerError(f"cannot read {path}, which describes the weights beside it: {error}") from error


def _is_video(folder: Path) -> bool:
    return _model_type(folder).endswith("_video")


def _shown(name: str) -> str:
    """The name of a model in messages: a folder's own, or the hub's."""
    return Path(name).name if Path(name).is_dir() else name
