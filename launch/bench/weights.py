"""Random weights of a published size for a node: they take the time of trained ones and detect about a dozen boxes."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ...model.detector import Detector, DetectorOptions
from ...model.prompt import Prompt
from .oracle import full_size, save

PROMPT = "word0 . word1 . word2 . word3"
_FOUND = 12
_SOFTER = 0.05  # so that scores do not all round to one


def random_node_model(name: Literal["swin-t", "swin-b"], folder: Path, device: str, input_px: int) -> dict[str, Any]:
    """Write the weights; returns the node's settings of its model."""
    model: Any = full_size(name, 0)
    with torch.no_grad():
        for parameter in model.model.decoder.layer_norm.parameters():
            parameter.mul_(_SOFTER)
    save(model, folder)
    settings: dict[str, Any] = {"name": str(folder), "device": device, "size_px": input_px, "offline": True}
    options = DetectorOptions(device=device, size=input_px, threshold=1e-6, offline=True)
    picture = np.random.default_rng(0).integers(90, 140, (540, 960, 3), np.uint8)
    with Detector.load(str(folder), options) as detector:
        (found,) = detector.detect([picture], [Prompt.parse(PROMPT)])
    scores = np.sort(found.scores)[::-1]
    return settings | {"threshold": float(np.clip(scores[min(_FOUND, len(scores) - 1)], 0.0, 0.999))}
