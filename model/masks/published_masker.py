"""Published maskers: a SAM read from a folder or the hub, with its preparation of pictures."""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from ..runtime.device import named_device
from ..runtime.precision import multiplies_in_bfloat16
from ..weights.hub import is_hub_name
from ..weights.transformers_model import hub_folder, model_type_of, read_transformers_model
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
        return hub_folder(name, _PREPARATIONS, offline=offline)
    except CheckpointError as error:
        raise MaskerError(str(error)) from error


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
        MaskerError: weights are missing or of another shape.
    """
    try:
        return read_transformers_model(folder, class_name)
    except CheckpointError as error:
        raise MaskerError(str(error)) from error


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
    try:
        return model_type_of(folder)
    except CheckpointError as error:
        raise MaskerError(str(error)) from error


def _is_video(folder: Path) -> bool:
    return _model_type(folder).endswith("_video")


def _shown(name: str) -> str:
    """The name of a model in messages: a folder's own, or the hub's."""
    return Path(name).name if Path(name).is_dir() else name
