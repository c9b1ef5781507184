# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""`groundcast bench parity`: our answers beside transformers', with the same random weights at full size."""

from __future__ import annotations

import copy
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from torch import Tensor, nn

from ..model.checkpoint import find_checkpoint, read_checkpoint, set_weights
from ..model.grounding_dino import GroundingDino
from ..model.prompt import Prompt
from ..model.text_encoder import Words, pad_words
from ..model.tokenizer import Tokenizer
from .bench_oracle import chosen_places, full_size, save, vocabulary
from .exits import InputError, RunError, say

_PROMPT = "word1 word2 . word3 . word4 word5 word6 . word7"
_BOX_BAR = 1e-5
_SIZES = "480x640,800x1333"


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two implementations are from each other, and each from fp64.

    Args:
        places_apart: how many proposals we choose by ourselves that transformers in fp64 does not.
        our_place_error, their_place_error: how far a proposal's best logit is from fp64; of ours, those that were
            chosen. Places that score within twice that of the last one chosen may change with it.
        place_gap: how far such proposals' scores, in fp64, are from the last one that it chooses.
        our_logit_error, their_logit_error: the largest against transformers in fp64, from the same places.
        our_box_error, their_box_error: the same of boxes, in 0..1 of the picture.
        logit_difference, box_difference: the largest between ours and theirs, both fp32.
    """

    model: str
    height: int
    width: int
    places_apart: int
    our_place_error: float
    their_place_error: float
    place_gap: float
    our_logit_error: float
    their_logit_error: float
    our_box_error: float
    their_box_error: float
    logit_difference: float
    box_difference: float

    @property
    def ok(self) -> bool:
        places = self.our_place_error <= 2 * self.their_place_error and self.place_gap <= 4 * self.their_place_error
        return places and self.our_logit_error <= 2 * self.their_logit_error and self.our_box_error < _BOX_BAR

    @property
    def sentence(self) -> str:
        return (
            f"{self.model} {self.height}x{self.width}: against fp64 logits are off by {self.our_logit_error:.1e} "
            f"(transformers {self.their_logit_error:.1e}), boxes by {self.our_box_error:.1e} "
            f"({self.their_box_error:.1e}); {self.places_apart} proposals differ, whose scores are "
            f"{self.place_gap:.1e} apart; {'ok' if self.ok else 'NOT ok'}"
        )


def parity(
    model: Annotated[Literal["swin-t", "swin-b", "both"], typer.Option(help="Which size.")] = "both",
    sizes: Annotated[str, typer.Option(help="Heights and widths of the input: 480x640,800x1333.")] = _SIZES,
    seed: Annotated[int, typer.Option(help="Decides weights and pictures.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Compare with transformers: random weights, written by it, read by our loader."""
    shapes = [_shape(text) for text in sizes.split(",")]
    results: list[Parity] = []
    for name in ("swin-t", "swin-b") if model == "both" else (model,):
        results += _compare(name, shapes, seed)
    is_ok = all(result.ok for result in results)
    if as_json:
        print(json.dumps({"ok": is_ok, "results": [{**asdict(result), "ok": result.ok} for result in results]}))
    if not is_ok:
        raise RunError("our answers differ from transformers' by more than rounding explains")


def _compare(name: Literal["swin-t", "swin-b"], shapes: list[tuple[int, int]], seed: int) -> list[Parity]:
    theirs = full_size(name, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = find_checkpoint(str(save(theirs, Path(folder))))
        checkpoint = read_checkpoint(path)
        ours = GroundingDino(checkpoint.config).eval()
        set_weights(ours, checkpoint.weights, path)
    words = pad_words([Tokenizer(vocabulary()).encode(Prompt.parse(_PROMPT))])
    results: list[Parity] = []
    for height, width in shapes:
        picture = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
        result = measure_parity(name, ours, theirs, picture, words)
        results.append(result)
        say(result.sentence)
    return results


@torch.no_grad()
def measure_parity(name: str, ours: GroundingDino, theirs: nn.Module, picture: Tensor, words: Words) -> Parity:
    """Ask both houses, and transformers in fp64 as well.

    Args:
        name: of the model.
        ours, theirs: with the same weights.
        picture: (1, 3, H, W), normalised.
        words: of one caption.
    """
    exact = copy.deepcopy(theirs).double()
    with chosen_places(None) as exact_places:
        truth = _ask(exact, picture.double(), words)
    (places,) = exact_places
    free = ours(picture, ours.read(words)).selected
    exact_scores = truth.enc_outputs_class[0].max(-1).values
    apart = sorted(set(free.places_BQ[0].tolist()) - set(places[0].tolist()))
    with chosen_places(places):
        their_answer = _ask(theirs, picture, words)
    our_answer = ours(picture, ours.read(words), places_BQ=places)
    tokens = words.ids_BT.shape[1]
    exact_logits, their_logits = truth.logits[..., :tokens], their_answer.logits[..., :tokens].double()
    our_logits, our_boxes = our_answer.logits[-1].double(), our_answer.boxes[-1].double()
    return Parity(
        name,
        *(int(side) for side in picture.shape[2:]),
        places_apart=len(apart),
        our_place_error=_largest(free.logits_BQT[0].max(-1).values - exact_scores[free.places_BQ[0]]),
        their_place_error=_largest(their_answer.enc_outputs_class[0].max(-1).values - exact_scores),
        place_gap=_largest(exact_scores[apart] - exact_scores[places[0]].min()) if apart else 0.0,
        our_logit_error=_largest(our_logits - exact_logits),
        their_logit_error=_largest(their_logits - exact_logits),
        our_box_error=_largest(our_boxes - truth.pred_boxes),
        their_box_error=_largest(their_answer.pred_boxes.double() - truth.pred_boxes),
        logit_difference=_largest(our_logits - their_logits),
        box_difference=_largest(our_boxes - their_answer.pred_boxes.double()),
    )


def _ask(model: nn.Module, picture: Tensor, words: Words) -> Any:
    return model(pixel_values=picture, input_ids=words.ids_BT, attention_mask=(~words.no_word_BT).long())


def _largest(difference: Tensor) -> float:
    return float(difference.abs().max())


def _shape(text: str) -> tuple[int, int]:
    height, _, width = text.strip().partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) >= 32 and int(width) >= 32):
        raise InputError(f"{text!r} is no size: write height and width in px, such as 480x640")
    return int(height), int(width)
