"""Training pictures of coloured rectangles, and a small full model."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
import torch

from groundcast.model.config import ModelConfig, TextConfig
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Phrase, Prompt
from groundcast.model.tabletop.vocabulary import vocabulary
from groundcast.model.training.batch import Example, centres_and_sizes
from groundcast.model.training.denoising import NoiseOptions, add_box_noise

COLOURS = {"red": (220, 40, 30), "green": (40, 180, 50), "blue": (30, 60, 210), "yellow": (230, 210, 40)}


def full_config(queries: int = 12) -> ModelConfig:
    """The full body, as small as it goes. Nothing in it is dropped at random."""
    return ModelConfig(
        "small",
        TextConfig(len(vocabulary()), width=32, layers=2, heads=2, feed_forward=64),
        body="full",
        backbone="swin_tiny_patch4_window7_224",
        backbone_options={
            "embed_dim": 16,
            "depths": (1, 1, 2, 1),
            "num_heads": (1, 2, 2, 4),
            "window_size": 4,
            "drop_path_rate": 0.0,
        },
        extra_levels=1,
        width=32,
        heads=4,
        decoder_layers=2,
        feed_forward=64,
        fusion_width=64,
        queries=queries,
        head="dot",
        share_heads=True,
    )


def draw_examples(rng: np.random.Generator, pictures: int, boxes: int = 2, *, padded: bool = False) -> list[Example]:
    """Rectangles of several colours; all colours are asked for. `padded`: not all of the input shows picture."""
    names = list(COLOURS)
    tokens = Tokenizer(vocabulary()).encode(Prompt(tuple(Phrase(f"{name} object") for name in names)))
    examples: list[Example] = []
    for _ in range(pictures):
        canvas = np.full((64, 96, 3), 90, np.uint8)
        corners = np.zeros((boxes, 4), np.float32)
        chosen = rng.integers(0, len(names), boxes)
        for row, colour in enumerate(chosen):
            x, y = rng.integers(0, 50), rng.integers(0, 30)
            width, height = rng.integers(14, 28, 2)
            canvas[y : y + height, x : x + width] = COLOURS[names[int(colour)]]
            corners[row] = x, y, x + width, y + height
        valid = (80.0, 60.0) if padded else (96.0, 64.0)
        answers_GT = tokens.spans_WT[torch.from_numpy(chosen)]
        boxes_G4 = centres_and_sizes(corners, *valid)
        noised = add_box_noise(boxes_G4, answers_GT, tokens.spans_WT, NoiseOptions(queries=12), rng)
        examples.append(Example(canvas, valid, tokens, corners, answers_GT, noised))
    return examples
