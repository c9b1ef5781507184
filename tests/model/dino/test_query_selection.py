"""Query selection: which places become queries, and what a result depends on."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import torch

from groundcast.model.dino.grounding_dino import GroundingDino, Output
from groundcast.model.dino.peaks import blend_weights, neighbours, peaks_only
from groundcast.model.dino.text_encoder import pad_words
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.vocabulary import vocabulary

from ..tiny import tiny_model


@torch.no_grad()
def _answer(model: GroundingDino, picture: torch.Tensor, places_BQ: torch.Tensor | None = None) -> Output:
    tokens = Tokenizer(vocabulary()).encode(Prompt.parse("red mug . blue cube"))
    return model(picture, model.read(pad_words([tokens])), places_BQ=places_BQ)


def _differs_by_rank(model: GroundingDino) -> float:
    """How far logits move when the same places are ranked the other way round."""
    picture = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    ranked = _answer(model, picture)
    turned = _answer(model, picture, ranked.selected.places_BQ.flip(1))
    real = ranked.logits[-1].isfinite()
    return float((turned.logits[-1].flip(1) - ranked.logits[-1])[real].abs().max())


def test_what_a_place_answers_hangs_on_its_rank_only_where_ranks_have_contents_of_their_own() -> None:
    assert _differs_by_rank(tiny_model(proposals="peaks")) < 1e-4
    assert _differs_by_rank(tiny_model()) > 0.01


def test_queries_of_a_peaks_model_are_peaks_and_their_boxes_are_blended() -> None:
    model = tiny_model(proposals="peaks")
    picture = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    output = _answer(model, picture)
    every_1S = torch.arange(output.enhanced.memory_BSC.shape[1])[None]
    logits_1ST = _answer(model, picture, every_1S).selected.logits_BQT
    best_1S, around_S8 = logits_1ST.max(-1).values, neighbours(output.enhanced.shapes, picture.device)
    peaks = peaks_only(best_1S, logits_1ST, around_S8)[0].isfinite().nonzero()[:, 0]
    chosen = output.selected.places_BQ
    assert set(chosen[0].tolist()) <= set(peaks.tolist())

    model.selection.peaks = False
    alone_S4 = _answer(model, picture, every_1S).selected.boxes_BQ4[0]
    asked_1Q9, shares_1Q9 = blend_weights(chosen, best_1S.isfinite(), logits_1ST, around_S8)
    blended_Q4 = (alone_S4[asked_1Q9[0]] * shares_1Q9[0, :, :, None]).sum(1)
    inside = (alone_S4[asked_1Q9[0]] > 0.011).all(-1).all(-1)  # at the edge some neighbours may not be used
    torch.testing.assert_close(output.selected.boxes_BQ4[0][inside], blended_Q4[inside])
    assert float((blended_Q4 - alone_S4[chosen[0]]).abs().max()) > 1e-4
