# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Which places become queries, and what an answer depends on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from groundcast.model.grounding_dino import GroundingDino, Output
from groundcast.model.prompt import Prompt
from groundcast.model.query_selection import peaks_only
from groundcast.model.tabletop.vocabulary import vocabulary
from groundcast.model.text_encoder import pad_words
from groundcast.model.tokenizer import Tokenizer

from .tiny import tiny_model


def _is_peak(scores_HW: NDArray[np.float32], y: int, x: int) -> bool:
    return bool(scores_HW[y, x] >= scores_HW[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].max())


def test_a_peak_is_outdone_by_no_neighbour_on_its_own_map() -> None:
    shapes = ((5, 7), (3, 4))
    maps = [torch.randn(2, *shape, generator=torch.Generator().manual_seed(row)) for row, shape in enumerate(shapes)]
    scores_BS = torch.cat([one.flatten(1) for one in maps], 1)

    kept_BS = peaks_only(scores_BS, shapes)

    for picture in range(2):
        expected = [
            _is_peak(one[picture].numpy(), y, x)
            for one, (height, width) in zip(maps, shapes, strict=True)
            for y in range(height)
            for x in range(width)
        ]
        assert kept_BS[picture].isfinite().tolist() == expected
    assert torch.equal(kept_BS[kept_BS.isfinite()], scores_BS[kept_BS.isfinite()])


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


def test_queries_of_a_peaks_model_are_peaks() -> None:
    model = tiny_model(proposals="peaks")
    picture = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    output = _answer(model, picture)
    every = _answer(model, picture, torch.arange(output.enhanced.memory_BSC.shape[1])[None])
    scores_BS = every.selected.logits_BQT.max(-1).values
    peaks = peaks_only(scores_BS, output.enhanced.shapes)[0].isfinite().nonzero()[:, 0]
    assert set(output.selected.places_BQ[0].tolist()) <= set(peaks.tolist())
