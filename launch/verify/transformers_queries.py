"""The same weights in transformers, in the same process: every query compared, with the rounding of fp32 as measure."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...model.dino.grounding_dino import GroundingDino
from ...model.dino.text_encoder import pad_words
from ...model.dino.tokenizer import Tokenizer
from ...model.prompt import Prompt
from ...model.runtime.input_rule import InputRule
from ...model.runtime.preprocess import normalise
from ...model.weights.checkpoint import Checkpoint, set_weights
from ..bench.oracle import from_folder
from ..bench.truth import ask_truth, measure_parity
from ..exits import InputError
from .checks import Check

_NOISE_HW = (480, 640)  # shown where there is no picture: the comparison needs none in particular


def compare(checkpoint: Checkpoint, path: Path, phrases: Sequence[str], image: NDArray[np.uint8] | None) -> Check:
    """Compare all queries' logits and boxes on a CPU, both houses in fp32 against transformers in fp64.

    Raises:
        InputError: transformers cannot read these weights.
    """
    if not (path.parent / "config.json").is_file() or path.suffix == ".pth":
        raise InputError(f"--transformers reads a folder as the hub has it, with config.json: {path} is none")
    theirs = from_folder(path.parent)
    ours = GroundingDino(checkpoint.config).eval()
    set_weights(ours, checkpoint.weights, path)
    if image is None:
        image = np.random.default_rng(0).integers(0, 255, (*_NOISE_HW, 3), np.uint8)
    rule = InputRule(checkpoint.config)
    size = rule.size(*image.shape[:2])
    picture = normalise(rule.resize(image, size)[None], [size.valid_xy])
    words = pad_words([Tokenizer(checkpoint.vocabulary).encode(Prompt.of(list(phrases)))])
    with torch.no_grad():
        parity = measure_parity(checkpoint.config.name, ours, theirs, ask_truth(theirs, picture, words))
    return Check("transformers, all queries", ok=parity.ok, said=parity.sentence)
