"""The training loop: it trains, resumes, and averages gradients over workers."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from groundcast.model.training.trainer import Progress, ResumeError, TrainingError, TrainingOptions, Watcher, train
from groundcast.model.training.workers import Worker, run_workers

from . import together


@dataclass(frozen=True)
class Points:
    """Eight points near a plane."""

    at: torch.Tensor
    heights: torch.Tensor


class PlaneLesson:
    """A minimal training task: fitting a plane to points."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return {"model": self._network}

    def size(self, batch: Points) -> float:
        return len(batch.at)

    def losses(self, batch: Points, size: float) -> dict[str, torch.Tensor]:
        error = (self._network(batch.at) - batch.heights).square().sum() / size
        return {"square": error.detach(), "total": error}


def make_batch(step: int) -> Points:
    at = torch.randn(8, 3, generator=torch.Generator().manual_seed(step % 4))
    return Points(at, at @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3)


def _model(seed: int = 5, width: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(width, 1)


def _weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def _break_at(step: int) -> Callable[[int], Points]:
    def make(number: int) -> Points:
        if number == step:
            raise KeyboardInterrupt
        return make_batch(number)

    return make


def test_it_learns(tmp_path: Path) -> None:
    points: list[Progress] = []
    watcher = Watcher(points.append, report_every=5)
    train(PlaneLesson(_model()), make_batch, TrainingOptions(20, 0.3, clip_norm=None), tmp_path, watcher)
    assert points[-1].loss < 0.2 * points[0].loss
    assert points[-1].parts["square"] == points[-1].loss
    curve = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [point["step"] for point in curve] == [5, 10, 15, 20]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    options = TrainingOptions(6, checkpoint_every=2)
    through = _model()
    train(PlaneLesson(through), make_batch, options, tmp_path / "through")

    with pytest.raises(KeyboardInterrupt):
        train(PlaneLesson(_model()), _break_at(5), options, tmp_path / "broken")
    resumed = _model(seed=99)  # its own weights must not matter
    train(PlaneLesson(resumed), make_batch, options, tmp_path / "broken")
    torch.testing.assert_close(_weights(resumed), _weights(through), atol=1e-6, rtol=1e-5)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    train(PlaneLesson(_model()), make_batch, TrainingOptions(1), tmp_path)
    other = _model(width=4)
    with pytest.raises(TrainingError, match=r"cannot be gone on with .* name another folder"):
        train(PlaneLesson(other), make_batch, TrainingOptions(2), tmp_path)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    def broken(step: int) -> Points:
        batch = make_batch(step)
        return Points(batch.at, batch.heights * float("nan"))

    with pytest.raises(TrainingError, match="no longer a number"):
        train(PlaneLesson(_model()), broken, TrainingOptions(2), tmp_path)


def test_weights_that_the_last_step_spoils_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="weights are no longer numbers"):
        train(PlaneLesson(_model()), make_batch, TrainingOptions(1, learning_rate=math.inf), tmp_path)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_run_does_not_go_on_to_fewer_steps(tmp_path: Path) -> None:
    train(PlaneLesson(_model()), make_batch, TrainingOptions(2), tmp_path)
    with pytest.raises(ResumeError, match="trained for 2 steps already"):
        train(PlaneLesson(_model()), make_batch, TrainingOptions(1), tmp_path)


def _share_a_rank(worker: Worker) -> None:
    network = nn.Linear(1, 1)
    network.weight.grad = torch.full((1, 1), float(worker.rank)) if worker.rank else None
    worker.share_gradients(network)
    assert float(network.weight.grad or 0) == 0.5
    assert network.bias.grad is not None
    assert worker.mean(worker.rank * 4.0) == 2.0


@pytest.mark.slow
def test_workers_share_what_they_learnt() -> None:
    """What one of them has no gradient for counts as zero there."""
    run_workers(_share_a_rank, 2)


def _refuse(worker: Worker) -> None:
    if worker.rank == 1:
        raise TrainingError("the folder is of another run")
    worker.mean(1.0)  # never answered


@pytest.mark.slow
def test_what_a_worker_says_is_what_the_run_says() -> None:
    with pytest.raises(TrainingError, match=r"^the folder is of another run$"):
        run_workers(_refuse, 2)


@pytest.mark.slow
def test_two_processes_learn_what_one_does_from_batches_twice_as_large(tmp_path: Path) -> None:
    begun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    launched = subprocess.run(
        [*begun, together.__file__, tmp_path / "two"], capture_output=True, text=True, check=False, timeout=300
    )
    assert launched.returncode == 0, launched.stderr
    together.learn(tmp_path / "one", Worker())
    first, second = (torch.load(tmp_path / "two" / f"{rank}.pt") for rank in (0, 1))
    torch.testing.assert_close(first, second, atol=0, rtol=0)
    alone = torch.load(tmp_path / "one" / "0.pt")
    # Adam divides by the size of gradients, so that where these are but noise a step is too.
    assert float((first - alone).abs().mean()) < 1e-7
    curves = [
        [json.loads(line)["loss"] for line in (tmp_path / run / "run" / "curve.jsonl").read_text().splitlines()]
        for run in ("two", "one")
    ]
    assert len(curves[0]) == together.STEPS
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)


def test_the_mean_of_the_weights_is_what_is_judged(tmp_path: Path) -> None:
    model = _model()
    begun = _weights(model)
    seen: dict[int, torch.Tensor] = {}
    watcher = Watcher(on_checkpoint=lambda step, networks: seen.update({step: _weights(networks["model"])}))
    options = TrainingOptions(3, 2e-3, mean_decay=0.9, checkpoint_every=1)
    train(PlaneLesson(model), make_batch, options, tmp_path, watcher)
    assert sorted(seen) == [1, 2, 3]
    ended = _weights(model)
    assert float((seen[3] - ended).abs().max()) > 0
    assert float((seen[3] - ended).norm()) < float((begun - ended).norm())
    resumed: dict[int, torch.Tensor] = {}
    watcher = Watcher(on_checkpoint=lambda step, networks: resumed.update({step: _weights(networks["model"])}))
    with pytest.raises(KeyboardInterrupt):
        train(PlaneLesson(_model()), _break_at(2), options, tmp_path / "again")
    train(PlaneLesson(_model(seed=9)), make_batch, options, tmp_path / "again", watcher)
    assert sorted(resumed) == [2, 3]  # the callback of the last checkpoint is repeated
    torch.testing.assert_close(resumed[2], seen[2])
    torch.testing.assert_close(resumed[3], seen[3], atol=1e-6, rtol=1e-5)


def test_a_damaged_checkpoint_and_an_unusable_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK no")
    with pytest.raises(TrainingError, match="cannot be gone on with"):
        train(PlaneLesson(_model()), make_batch, TrainingOptions(1), tmp_path)
    with pytest.raises(TrainingError, match="cannot be made"):
        train(PlaneLesson(_model()), make_batch, TrainingOptions(1), tmp_path / "checkpoint.pt")


def test_a_run_that_began_otherwise_is_not_gone_on_with(tmp_path: Path) -> None:
    train(PlaneLesson(_model()), make_batch, TrainingOptions(1), tmp_path, identity={"data": "a", "rate": 1})
    with pytest.raises(TrainingError, match="is of a run with another data: name another folder"):
        train(PlaneLesson(_model()), make_batch, TrainingOptions(2), tmp_path, identity={"data": "b", "rate": 1})
    train(PlaneLesson(_model()), make_batch, TrainingOptions(2), tmp_path, identity={"data": "a", "rate": 1})


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(PlaneLesson(_model()), make_batch, TrainingOptions(1), tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()

    def fill(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", fill)
    with pytest.raises(TrainingError, match=r"checkpoint.pt cannot be written: make room"):
        train(PlaneLesson(_model()), make_batch, TrainingOptions(2), tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == whole
    assert not list(tmp_path.glob("*.part"))
