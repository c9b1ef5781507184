"""Peaks: which neighbours suppress a place, and how proposals are blended."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import pytest
import torch

from groundcast.model.dino.peaks import blend_weights, neighbours, peaks_only

CPU = torch.device("cpu")
SHAPES = ((5, 7), (3, 4))
AROUND = neighbours(SHAPES, CPU)
ALL_BS = torch.ones(2, len(AROUND), dtype=torch.bool)
MIDDLE, BESIDE = 2 * 7 + 3, 2 * 7 + 4  # of the first map


def _logits(words: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, len(AROUND), words, generator=torch.Generator().manual_seed(seed)) * 3


def test_neighbours_lie_around_a_place_on_its_own_map() -> None:
    assert sorted(AROUND[MIDDLE].tolist()) == [9, 10, 11, 16, 18, 23, 24, 25]
    corner = 5 * 7  # the second map's first place
    assert sorted(AROUND[corner].tolist()) == [corner] * 5 + [corner + 1, corner + 4, corner + 5]
    assert ((AROUND[: 5 * 7] < 5 * 7) & (AROUND[5 * 7 :].min() >= 5 * 7)).all()


def test_a_place_is_left_out_where_a_neighbour_is_better_and_answers_its_word_too() -> None:
    """Against the rule as it is written, place by place."""
    logits_BST = _logits()
    best_BS, words_BS = logits_BST.max(-1)
    kept_BS = peaks_only(best_BS, logits_BST, AROUND)
    for row in range(2):
        for place in range(len(AROUND)):
            best, word = best_BS[row, place], words_BS[row, place]
            rivals = [other for other in AROUND[place].tolist() if best_BS[row, other] > best]
            outdone = any(logits_BST[row, other, word] > best - 1.0 for other in rivals)
            assert bool(kept_BS[row, place].isinf()) == outdone
    assert torch.equal(kept_BS[kept_BS.isfinite()], best_BS[kept_BS.isfinite()])
    assert 0.1 < float(kept_BS.isfinite().float().mean()) < 0.9


@pytest.mark.parametrize(("of_the_cans_word", "kept"), [(-3.0, True), (1.5, False)])
def test_two_things_side_by_side_are_told_apart_by_their_words(of_the_cans_word: float, kept: bool) -> None:
    logits_BST = torch.full((1, len(AROUND), 2), -5.0)
    logits_BST[0, MIDDLE] = torch.tensor([2.0, -4.0])  # a can
    logits_BST[0, BESIDE] = torch.tensor([of_the_cans_word, 3.0])  # a mug in front of it
    kept_BS = peaks_only(logits_BST.max(-1).values, logits_BST, AROUND)
    assert bool(kept_BS[0, MIDDLE].isfinite()) == kept
    assert bool(kept_BS[0, BESIDE].isfinite())


def test_what_may_not_be_used_is_no_peak_and_suppresses_no_other() -> None:
    logits_BST = torch.zeros(1, len(AROUND), 1)
    logits_BST[0, MIDDLE], logits_BST[0, BESIDE] = 1.0, 2.0
    best_BS = logits_BST.max(-1).values
    best_BS[0, BESIDE] = float("-inf")
    kept_BS = peaks_only(best_BS, logits_BST, AROUND)
    assert kept_BS[0, [MIDDLE, BESIDE]].isfinite().tolist() == [True, False]


def test_shares_are_those_of_the_places_best_word_and_add_up_to_one() -> None:
    logits_BST = _logits()
    words_BS = logits_BST.argmax(-1)
    places_BQ = torch.tensor([[MIDDLE, 0], [BESIDE, 5 * 7]])
    blended_BQ9, weights_BQ9 = blend_weights(places_BQ, ALL_BS, logits_BST, AROUND)
    assert torch.equal(blended_BQ9[..., 0], places_BQ)
    for row in range(2):
        for query, place in enumerate(places_BQ[row].tolist()):
            own = {place, *AROUND[place].tolist()}
            counted = {other: torch.exp(2 * logits_BST[row, other, words_BS[row, place]]) for other in own}
            total = sum(counted.values())
            got = dict.fromkeys(own, 0.0)
            for other, share in zip(blended_BQ9[row, query].tolist(), weights_BQ9[row, query].tolist(), strict=True):
                got[other] += share
            assert got == pytest.approx({other: float(one / total) for other, one in counted.items()}, abs=1e-6)


def test_a_tie_gives_either_place_the_same_box() -> None:
    logits_BST = torch.full((1, len(AROUND), 1), -8.0)
    logits_BST[0, MIDDLE], logits_BST[0, BESIDE] = 2.0, 2.0
    boxes_S = torch.arange(float(len(AROUND)))
    places_BQ = torch.tensor([[MIDDLE, BESIDE]])
    blended_BQ9, weights_BQ9 = blend_weights(places_BQ, ALL_BS[:1], logits_BST, AROUND)
    blended_Q = (boxes_S[blended_BQ9] * weights_BQ9).sum(-1)[0]
    assert blended_Q.tolist() == pytest.approx([MIDDLE + 0.5] * 2, abs=1e-4)


def test_a_place_that_was_imposed_counts_itself_alone_where_nothing_may_be_used() -> None:
    logits_BST = _logits()
    _, weights_BQ9 = blend_weights(torch.full((2, 1), MIDDLE), ~ALL_BS, logits_BST, AROUND)
    assert weights_BQ9.tolist() == [[[1.0, *[0.0] * 8]]] * 2
