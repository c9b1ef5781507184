# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""`groundcast bench model`: how fast a picture is answered, beside transformers with the same weights."""

from __future__ import annotations

import json
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..model.checkpoint import find_checkpoint, read_checkpoint
from ..model.grounding_dino import GroundingDino
from ..model.network import build
from ..model.prompt import Prompt
from ..model.text_encoder import Words, pad_words
from ..model.tokenizer import Tokenizer
from .bench import measure_parity
from .bench_oracle import full_size, save, vocabulary
from .bench_pairs import in_turns
from .exits import RunError, say

_GEMM = 2048


def model(
    model: Annotated[Literal["swin-t", "swin-b"], typer.Option(help="Which size.")] = "swin-t",
    size: Annotated[int, typer.Option(help="Both sides of the input, px.", min=64)] = 640,
    phrases: Annotated[int, typer.Option(help="How many are asked.", min=1, max=50)] = 4,
    pairs: Annotated[int, typer.Option(help="How often both are timed.", min=7)] = 7,
    seed: Annotated[int, typer.Option(help="Decides weights and pictures.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Compare with transformers' eager fp32: random weights, one picture at a time. Parity comes first.

    Words are read once, as in a stream, where transformers reads them with each picture.
    """
    theirs = full_size(model, seed)
    ours = _ours(theirs)
    words = pad_words([Tokenizer(vocabulary()).encode(Prompt.parse(" . ".join(f"word{n}" for n in range(phrases))))])
    picture = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(seed))
    parity = measure_parity(model, ours, theirs, picture, words)
    say(parity.sentence)
    if not parity.ok:
        raise RunError("our answers differ from transformers' by more than rounding explains: no figures")
    result: dict[str, Any] = {"model": model, "size": size, "phrases": phrases, "parity": asdict(parity)}
    result |= _timed(ours, theirs, picture, words, pairs)
    low, high = result["quartiles"]
    say(
        f"{model} {size}x{size}: {result['ours_s'] * 1e3:.0f} ms a picture, transformers "
        f"{result['theirs_s'] * 1e3:.0f} ms; {result['ratio']:.2f} times as fast ({low:.2f}..{high:.2f} in the middle "
        f"half of {pairs} pairs); {result['floor_s'] / result['ours_s']:.0%} of what the arithmetic alone allows"
    )
    if as_json:
        print(json.dumps(result))


def _ours(theirs: nn.Module) -> GroundingDino:
    with tempfile.TemporaryDirectory() as folder:
        path = find_checkpoint(str(save(theirs, Path(folder))))
        return build(read_checkpoint(path), torch.device("cpu"), path)


@torch.inference_mode()
def _timed(ours: GroundingDino, theirs: nn.Module, picture: Tensor, words: Words, pairs: int) -> dict[str, Any]:
    text = ours.read(words)
    asked = {"input_ids": words.ids_BT, "attention_mask": (~words.no_word_BT).long()}
    measured = in_turns(lambda: ours(picture, text), lambda: theirs(pixel_values=picture, **asked), pairs)
    speed = _gemm_flops_per_s()
    with FlopCounterMode(display=False) as counter:
        ours(picture, text)
    return {
        **asdict(measured),
        "flops": counter.get_total_flops(),
        "gemm_flops_per_s": speed,
        "floor_s": counter.get_total_flops() / speed,
        "hardware": _processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _gemm_flops_per_s() -> float:
    """What a large product of matrices reaches here: the better of two medians."""
    a, b = torch.randn(_GEMM, _GEMM), torch.randn(_GEMM, _GEMM)
    measured = in_turns(lambda: a @ b, lambda: a @ b, 7)
    return 2 * _GEMM**3 / min(measured.ours_s, measured.theirs_s)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in facts.read_text().splitlines() if "model name" in line]
    return names[0] if names else platform.processor()
