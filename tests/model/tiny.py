"""A small model with random weights, in which every part affects the output."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from pathlib import Path

import torch

from groundcast.model.config import ModelConfig, Proposals, TextConfig
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.tabletop.vocabulary import known_wordings, vocabulary
from groundcast.model.weights.checkpoint import Checkpoint, keep_weights, write_checkpoint


def tiny_config(proposals: Proposals = "ranked") -> ModelConfig:
    """Two of every layer, 32 wide."""
    return ModelConfig(
        "tiny",
        TextConfig(len(vocabulary()), width=32, layers=2, heads=2, feed_forward=64),
        width=32,
        heads=2,
        decoder_layers=2,
        feed_forward=64,
        fusion_width=32,
        queries=9,
        proposals=proposals,
        input_pixels=96 * 64,
    )


def tiny_model(seed: int = 0, proposals: Proposals = "ranked") -> GroundingDino:
    """Evaluation mode. Parameters that begin at zero would hide whole blocks."""
    torch.manual_seed(seed)
    return without_zeros(GroundingDino(tiny_config(proposals)).eval())


def without_zeros(model: GroundingDino) -> GroundingDino:
    """The same model, with parameters that begin at zero and statistics that begin alike drawn at random."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 1 and float(parameter.abs().max()) == 0.0:
                parameter.normal_(std=0.2)
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
            elif name.endswith("running_mean"):
                buffer.normal_(std=0.2)
    return model


def write_tiny(folder: Path, known: bool = True, proposals: Proposals = "ranked") -> Path:
    """The same as a weight file."""
    path = folder / "tiny.safetensors"
    model = tiny_model(proposals=proposals)
    known_words = known_wordings() if known else None
    write_checkpoint(path, Checkpoint(model.config, vocabulary(), known_words, keep_weights(model)))
    return path
