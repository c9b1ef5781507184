"""`groundcast bench parity`: our output beside transformers', with the same random weights at full size."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch

from ...model.dino.grounding_dino import GroundingDino
from ...model.dino.text_encoder import pad_words
from ...model.dino.tokenizer import Tokenizer
from ...model.prompt import Prompt
from ...model.weights.checkpoint import find_checkpoint, read_checkpoint, set_weights
from ..exits import say
from .oracle import full_size, save, vocabulary
from .sizes import sizes as read_sizes
from .truth import Parity, ask_truth, measure_parity

ParityModel = Literal["swin-t", "swin-b", "mm-large"]
_PROMPT = "word1 word2 . word3 . word4 word5 word6 . word7"


def bench_parity(names: Sequence[ParityModel], sizes: str, seed: int) -> dict[str, Any]:
    """The figures of `bench parity`."""
    inputs = read_sizes(sizes)
    results = [result for name in names for result in _compare(name, inputs, seed)]
    return {
        "ok": all(result.ok for result in results),
        "results": [{**asdict(result), "ok": result.ok} for result in results],
    }


def _compare(name: ParityModel, inputs: list[tuple[int, int]], seed: int) -> list[Parity]:
    theirs = full_size(name, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = find_checkpoint(str(save(theirs, Path(folder))))
        checkpoint = read_checkpoint(path)
        ours = GroundingDino(checkpoint.config).eval()
        set_weights(ours, checkpoint.weights, path)
    words = pad_words([Tokenizer(vocabulary()).encode(Prompt.parse(_PROMPT))])
    results: list[Parity] = []
    for height, width in inputs:
        picture = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
        result = measure_parity(name, ours, theirs, ask_truth(theirs, picture, words))
        results.append(result)
        say(result.sentence)
    return results
