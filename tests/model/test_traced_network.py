"""The Edge body as a TorchScript program on a CPU: its results are bit-equal to those without."""

# pyright: reportPrivateUsage=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.cuda.graph import GraphCache
from groundcast.model.config import Precision
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.network import Network
from groundcast.model.weights.checkpoint import read_checkpoint

from .tiny import write_tiny

PROMPTS = [Prompt.parse("red mug . can"), Prompt.parse("blue mug . cone")]  # as many words
SIZES = [(48, 64), (64, 48), (30, 64)]  # the last is padded


@pytest.fixture(scope="module", params=["ranked", "peaks"])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("edge"), known=False, proposals=request.param)


def network(path: Path, precision: Precision, *, traced: bool) -> Network:
    made = Network(read_checkpoint(path), "cpu", 64, path, precision)
    capture = made._graphs._capture if traced else None
    made._graphs = GraphCache(torch.device("cpu"), calls_before=1, capture=capture)
    return made


def said(network: Network, seed: int) -> list[NDArray[np.float32]]:
    """All logits and boxes."""
    pictures = np.random.default_rng(seed).integers(0, 255, (*SIZES[seed % len(SIZES)], 3), np.uint8)
    (seen,) = network.launch([Query(pictures, PROMPTS[seed % len(PROMPTS)])]).wait()
    return [np.asarray(part) for part in seen.parts]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pictures_and_prompts_are_answered_with_the_same_bits(weights: Path, precision: Precision) -> None:
    plain, traced = network(weights, precision, traced=False), network(weights, precision, traced=True)
    for seed in range(9):
        for one, other in zip(said(traced, seed), said(plain, seed), strict=True):
            np.testing.assert_array_equal(one, other)
    assert traced._graphs.captured == len(SIZES)
    assert plain._graphs.captured == 0


def test_workers_share_the_programs(weights: Path) -> None:
    plain, traced = network(weights, "float32", traced=False), network(weights, "float32", traced=True)
    with ThreadPoolExecutor(3) as cpu_workers:
        for seed, answer in enumerate(cpu_workers.map(lambda seed: said(traced, seed), range(24))):
            for one, other in zip(answer, said(plain, seed), strict=True):
                np.testing.assert_array_equal(one, other)
    assert traced._graphs.captured == len(SIZES)
