# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
"""The training loop: it learns, it resumes, it shares."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from groundcast.model.grounding_dino import GroundingDino
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.vocabulary import vocabulary
from groundcast.model.text_encoder import pad_words
from groundcast.model.tokenizer import Tokenizer
from groundcast.model.training.detection import Batch, DetectionLesson
from groundcast.model.training.matching import Truth
from groundcast.model.training.trainer import Progress, TrainingOptions, learning_rate, train
from groundcast.model.training.workers import Worker, run_workers

from ..tiny import tiny_config


def make_batch(step: int) -> Batch:
    """One picture with one bright box; where it is depends on the step."""
    generator = torch.Generator().manual_seed(step % 4)
    pictures = torch.randn(2, 3, 64, 96, generator=generator) * 0.1
    left = 16 * (step % 4)
    pictures[:, :, 16:48, left : left + 32] += 2.0
    tokens = Tokenizer(vocabulary()).encode(Prompt.parse("white cube . red ball"))
    box = torch.tensor([[(left + 16) / 96, 0.5, 32 / 96, 0.5]])
    truth = Truth(box, tokens.spans_WT[:1])
    return Batch(pictures, torch.ones(2, 2), pad_words([tokens, tokens]), [truth, truth])


def _model(seed: int = 5) -> GroundingDino:
    torch.manual_seed(seed)
    return GroundingDino(tiny_config())


def _weights(model: GroundingDino) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_it_learns(tmp_path: Path) -> None:
    points: list[Progress] = []
    train(DetectionLesson(_model()), make_batch, TrainingOptions(20, 2e-3), tmp_path, points.append, report_every=5)
    assert points[-1].loss < 0.8 * points[0].loss
    assert points[-1].parts["class"] < 0.5 * points[0].parts["class"]
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [point["step"] for point in curve] == [5, 10, 15, 20]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    options = TrainingOptions(6, checkpoint_every=2)
    through = _model()
    train(DetectionLesson(through), make_batch, options, tmp_path / "through")

    def break_at_five(step: int) -> Batch:
        if step == 5:
            raise KeyboardInterrupt
        return make_batch(step)

    with pytest.raises(KeyboardInterrupt):
        train(DetectionLesson(_model()), break_at_five, options, tmp_path / "broken")
    resumed = _model(seed=99)  # its own weights must not matter
    train(DetectionLesson(resumed), make_batch, options, tmp_path / "broken")
    torch.testing.assert_close(_weights(resumed), _weights(through), atol=1e-6, rtol=1e-5)


def test_the_rate_rises_then_falls_to_almost_nothing() -> None:
    options = TrainingOptions(1000, learning_rate=1.0)
    rates = [learning_rate(step, options) for step in range(1000)]
    peak = rates.index(max(rates))
    assert peak == 50
    assert rates[:51] == sorted(rates[:51])
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[-1] < 1e-4


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    def broken(step: int) -> Batch:
        batch = make_batch(step)
        return Batch(batch.pictures_B3HW * float("nan"), batch.valid_B2, batch.words, batch.truths)

    with pytest.raises(FloatingPointError, match="no longer a number"):
        train(DetectionLesson(_model()), broken, TrainingOptions(2), tmp_path)


@dataclass(frozen=True)
class _Job:
    """Trains on half of each batch in each of two workers."""

    folder: Path

    def __call__(self, worker: Worker) -> None:
        model = _model()
        half = _half(worker.rank)
        options = TrainingOptions(2, checkpoint_every=2)
        train(DetectionLesson(model), half, options, self.folder / str(worker.rank), worker=worker)
        torch.save(_weights(model), self.folder / f"{worker.rank}.pt")


def _half(rank: int) -> Callable[[int], Batch]:
    return lambda step: make_batch(2 * step + rank)


@pytest.mark.slow
def test_workers_end_with_the_same_weights(tmp_path: Path) -> None:
    run_workers(_Job(tmp_path), 2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    alone = _model()
    train(DetectionLesson(alone), _half(0), TrainingOptions(2), tmp_path / "alone")
    assert not torch.equal(_weights(alone), first)
