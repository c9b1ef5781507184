"""One process of a training under torchrun: `torchrun --nproc-per-node 2 together.py folder`."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.training.batch import Batch, stack
from groundcast.model.training.detection import DetectionTask
from groundcast.model.training.trainer import TrainingOptions, Watcher, train
from groundcast.model.training.workers import Worker, launched_worker

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.model.tiny import without_zeros
from tests.model.training.drawn_examples import draw_examples, full_config

STEPS, PICTURES = 3, 4


def learn(folder: Path, worker: Worker) -> None:
    """Three steps of the full body on this worker's share of each step's four pictures."""

    def make_batch(step: int) -> Batch:
        # Different numbers of boxes: what a step is divided by must be counted over all processes.
        rng = np.random.default_rng(step)
        examples = [one for boxes in range(1, PICTURES + 1) for one in draw_examples(rng, 1, boxes)]
        share = PICTURES // worker.count
        return stack(examples[worker.rank * share : (worker.rank + 1) * share])

    torch.manual_seed(worker.rank)  # whatever the others begin with, the first one's weights are everyone's
    model = without_zeros(GroundingDino(full_config()))
    task = DetectionTask(model, denoise=True)
    folder.mkdir(parents=True, exist_ok=True)
    options = TrainingOptions(STEPS, 1e-4, clip_norm=0.1, checkpoint_every=STEPS)
    train(task, make_batch, options, folder / "run", Watcher(report_every=1), worker)
    weights = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    torch.save(weights, folder / f"{worker.rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with launched_worker() as own:
        learn(Path(sys.argv[1]), own)
