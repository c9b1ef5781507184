"""Parity with transformers, and the cost of half precision. Where either fails there are no figures."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...model.dino.grounding_dino import GroundingDino
from ...model.dino.text_encoder import Words
from .oracle import chosen_places, sampled_in_float32

_BOX_BAR = 1e-5


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """transformers' output in fp64.

    Args:
        picture: (1, 3, H, W), normalised.
        words: of one caption.
        places: the proposals that it chooses, (1, Q).
        answer: all that it says.
    """

    picture: Tensor
    words: Words
    places: Tensor
    answer: Any

    @property
    def logits(self) -> Tensor:
        return self.answer.logits[..., : self.words.ids_BT.shape[1]]


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


@dataclass(frozen=True, slots=True)
class HalfCost:
    """How far half precision is from fp64, from the same places: ours, and all of transformers' in that format.

    Root mean squares and the largest, of logits and of boxes in 0..1 of the picture.
    """

    dtype: str
    our_logit_error: float
    their_logit_error: float
    our_box_error: float
    their_box_error: float
    our_logit_most: float
    their_logit_most: float
    our_box_most: float
    their_box_most: float

    @property
    def ok(self) -> bool:
        logits = self.our_logit_error <= 2 * self.their_logit_error and self.our_logit_most <= 2 * self.their_logit_most
        return (
            logits and self.our_box_error <= 2 * self.their_box_error and self.our_box_most <= 2 * self.their_box_most
        )

    @property
    def sentence(self) -> str:
        return (
            f"{self.dtype}: against fp64 logits are off by {self.our_logit_error:.1e}, plain PyTorch's by "
            f"{self.their_logit_error:.1e}; boxes by {self.our_box_error:.1e}, {self.their_box_error:.1e}; "
            f"{'ok' if self.ok else 'NOT ok'}"
        )


@torch.no_grad()
def ask_truth(theirs: nn.Module, picture: Tensor, words: Words) -> ReferenceAnswer:
    """Ask transformers in fp64, on the device of the picture."""
    words = words.to(picture.device)
    exact = copy.deepcopy(theirs).to(picture.device).double()
    with chosen_places(None) as chosen:
        answer = _ask(exact, picture.double(), words)
    return ReferenceAnswer(picture, words, chosen[0], answer)


@torch.no_grad()
def measure_parity(name: str, ours: GroundingDino, theirs: nn.Module, truth: ReferenceAnswer) -> Parity:
    """Compare both implementations in fp32, with the same weights and on the device of the truth's picture."""
    picture, words, places = truth.picture, truth.words, truth.places
    free = ours(picture, ours.read(words)).selected
    exact_scores = truth.answer.enc_outputs_class[0].max(-1).values
    apart = sorted(set(free.places_BQ[0].tolist()) - set(places[0].tolist()))
    with chosen_places(places):
        their_answer = _ask(theirs, picture, words)
    our_answer = ours(picture, ours.read(words), places_BQ=places)
    their_logits = their_answer.logits[..., : words.ids_BT.shape[1]].double()
    our_logits, our_boxes = our_answer.logits[-1].double(), our_answer.boxes[-1].double()
    return Parity(
        name,
        *(int(side) for side in picture.shape[2:]),
        places_apart=len(apart),
        our_place_error=_most(free.logits_BQT[0].max(-1).values - exact_scores[free.places_BQ[0]]),
        their_place_error=_most(their_answer.enc_outputs_class[0].max(-1).values - exact_scores),
        place_gap=_most(exact_scores[apart] - exact_scores[places[0]].min()) if apart else 0.0,
        our_logit_error=_most(our_logits - truth.logits),
        their_logit_error=_most(their_logits - truth.logits),
        our_box_error=_most(our_boxes - truth.answer.pred_boxes),
        their_box_error=_most(their_answer.pred_boxes.double() - truth.answer.pred_boxes),
        logit_difference=_most(our_logits - their_logits),
        box_difference=_most(our_boxes - their_answer.pred_boxes.double()),
    )


@torch.no_grad()
def measure_half(ours: GroundingDino, theirs: nn.Module, truth: ReferenceAnswer, dtype: torch.dtype) -> HalfCost:
    """Compare ours, which computes in `dtype` already, with all of transformers' converted to it."""
    picture, words = truth.picture.to(dtype), truth.words
    half = copy.deepcopy(theirs).to(dtype)
    with chosen_places(truth.places), sampled_in_float32():
        their_answer = _ask(half, picture, words)
    our_answer = ours(picture, ours.read(words).to(dtype), places_BQ=truth.places)
    their_logits = their_answer.logits[..., : words.ids_BT.shape[1]].double() - truth.logits
    our_logits = our_answer.logits[-1].double() - truth.logits
    their_boxes = their_answer.pred_boxes.double() - truth.answer.pred_boxes
    our_boxes = our_answer.boxes[-1].double() - truth.answer.pred_boxes
    errors = (our_logits, their_logits, our_boxes, their_boxes)
    name = str(dtype).removeprefix("torch.")
    return HalfCost(name, *(float(one.square().mean().sqrt()) for one in errors), *map(_most, errors))


def _ask(model: nn.Module, picture: Tensor, words: Words) -> Any:
    return model(pixel_values=picture, input_ids=words.ids_BT, attention_mask=(~words.no_word_BT).long())


def _most(difference: Tensor) -> float:
    return float(difference.abs().max())
