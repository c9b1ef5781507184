"""Picture embedder: pictures and texts as vectors of one space, by CLIP or SigLIP through transformers' own classes."""

# transformers leaves most types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..runtime.device import named_device
from ..weights.hub import is_hub_name
from ..weights.transformers_model import hub_folder, model_type_of, read_transformers_model
from ..weights.weight_files import CheckpointError

# The type in config.json: transformers' class, and how its texts were padded in training.
_FAMILIES = {
    "clip": ("CLIPModel", "longest"),
    "siglip": ("SiglipModel", "max_length"),
    "siglip2": ("Siglip2Model", "max_length"),
}
_PREPARATIONS = (
    *("preprocessor_config.json", "processor_config.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("vocab.json", "merges.txt", "spiece.model", "tokenizer.model"),
)
_FAULTS = (OSError, ValueError, RuntimeError, TypeError, KeyError, ImportError, AttributeError)


class EmbedderError(ValueError):
    """An embedder cannot be loaded; the text says why and what to do."""


class PictureEmbedder:
    """A loaded CLIP or SigLIP.

    Args:
        model: transformers' model.
        processor: its preparation of pictures and texts.
        padding: of texts, as transformers names it.
        device: where it computes.
    """

    def __init__(self, model: Any, processor: Any, padding: str, device: torch.device) -> None:
        self._model, self._processor, self._padding, self._device = model.eval().to(device), processor, padding, device
        text: Any = model.config.text_config
        self._max_tokens = int(text.max_position_embeddings)
        self.dimensions = int(getattr(model.config, "projection_dim", None) or text.projection_size)

    def pictures(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """(n, d) unit vectors of (h, w, 3) RGB pictures of any sizes, computed as one batch."""
        writable = [np.require(image, requirements=["C", "W"]) for image in images]  # as torch wants them
        with torch.inference_mode():
            # The order of the axes is said, or a picture of three lines would be taken for three planes.
            inputs = self._processor(images=writable, input_data_format="channels_last", return_tensors="pt")
            inputs = inputs.to(self._device)
            return _unit(self._model.get_image_features(**inputs).pooler_output)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) unit vectors; a text that is too long for the model is cut."""
        with torch.inference_mode():
            inputs = self._processor(
                text=list(texts),
                padding=self._padding,
                truncation=True,
                max_length=self._max_tokens,
                return_tensors="pt",
            )
            taken = {key: inputs[key].to(self._device) for key in ("input_ids", "attention_mask") if key in inputs}
            return _unit(self._model.get_text_features(**taken).pooler_output)


def load_embedder(name: str, device: str, *, offline: bool = False) -> PictureEmbedder:
    """The CLIP or SigLIP of a folder, or of the hub as 'owner/model'.

    Raises:
        EmbedderError: there is no such model, it is of another kind, or its weights are not complete.
        DeviceError: this machine has no such device.
    """
    import transformers

    where = named_device(device)
    folder = embedder_folder(name, offline=offline)
    try:
        kind = model_type_of(folder)
        if kind not in _FAMILIES:
            raise EmbedderError(
                f"{folder / 'config.json'} describes a model of type {kind[:40]!r}, which does not compare pictures "
                "with texts: name one of " + ", ".join(_FAMILIES)
            )
        class_name, padding = _FAMILIES[kind]
        model = read_transformers_model(folder, class_name)
    except CheckpointError as error:
        raise EmbedderError(str(error)) from error
    try:
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if processor.image_processor is None or processor.tokenizer is None:
            raise ValueError("it lacks pictures or texts")
    except _FAULTS as error:
        reason = " ".join(str(error).split())[:300]
        raise EmbedderError(f"the preparation of pictures and texts in {folder} cannot be read: {reason}") from error
    return PictureEmbedder(model, processor, padding, where)


def embedder_folder(name: str, *, offline: bool = False) -> Path:
    """The folder with a model's files; those of the hub are downloaded, unless they are in the local cache.

    Raises:
        EmbedderError: there is no such folder or model.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not is_hub_name(name):
        raise EmbedderError(f"no CLIP or SigLIP at {name}: name a folder, or a model of the hub as 'owner/model'")
    try:
        return hub_folder(name, _PREPARATIONS, offline=offline)
    except CheckpointError as error:
        raise EmbedderError(str(error)) from error


def _unit(vectors_ND: torch.Tensor) -> NDArray[np.float32]:
    found = vectors_ND.float()
    return (found / found.norm(dim=-1, keepdim=True)).cpu().numpy()
