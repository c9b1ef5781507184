"""`groundcast bench parity`: our answers beside transformers', with the same random weights at full size."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from ...model.dino.grounding_dino import GroundingDino
from ...model.dino.text_encoder import pad_words
from ...model.dino.tokenizer import Tokenizer
from ...model.prompt import Prompt
from ...model.weights.checkpoint import find_checkpoint, read_checkpoint, set_weights
from ..exits import RunError, say
from ..settings.command_options import MAX_SEED
from .oracle import full_size, save, vocabulary
from .sizes import sizes as read_sizes
from .truth import Parity, ask_truth, measure_parity

_PROMPT = "word1 word2 . word3 . word4 word5 word6 . word7"
_SIZES = "480x640,800x1333"


def parity(
    model: Annotated[
        Literal["swin-t", "swin-b", "both", "mm-large"],
        typer.Option(help="Which size; mm-large, of MM-Grounding-DINO and LLMDet, needs 9 GB of memory."),
    ] = "both",
    sizes: Annotated[str, typer.Option(help="Heights and widths of the input: 480x640,800x1333.")] = _SIZES,
    seed: Annotated[int, typer.Option(help="Decides weights and pictures.", min=0, max=MAX_SEED)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Compare answers with those of transformers.

    Weights are random, written by transformers and read by our loader.
    """
    results: list[Parity] = []
    for name in ("swin-t", "swin-b") if model == "both" else (model,):
        results += _compare(name, read_sizes(sizes), seed)
    is_ok = all(result.ok for result in results)
    if as_json:
        print(json.dumps({"ok": is_ok, "results": [{**asdict(result), "ok": result.ok} for result in results]}))
    if not is_ok:
        raise RunError("our answers differ from transformers' by more than rounding explains")


def _compare(name: Literal["swin-t", "swin-b", "mm-large"], inputs: list[tuple[int, int]], seed: int) -> list[Parity]:
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
