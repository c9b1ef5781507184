"""Our FasterNet-T0 gives the output of timm's with the same weights."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import timm
import torch

from groundcast.model.dino.fasternet import FasterNetT0

SAYS_WHAT_IT_LOADED = """
import sys
import numpy as np
from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt
from groundcast.stream import pipeline
with Detector.load("tabletop") as detector:
    detector.detect([np.zeros((48, 64, 3), np.uint8)], [Prompt.parse("red mug")])
    print(*({"torch._dynamo", "torchvision", "timm", "transformers", "sympy"} & set(sys.modules)))
"""


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("levels", [(1, 2, 3), (0, 2)])
def test_it_answers_as_timms_does(levels: tuple[int, ...], training: bool) -> None:
    torch.manual_seed(0)
    theirs: Any = timm.create_model("fasternet_t0", features_only=True, out_indices=levels)
    ours = FasterNetT0(levels)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    ours.load_state_dict(theirs.state_dict())  # strict: the same names and shapes
    pictures = torch.randn(2, 3, 96, 128)

    with torch.no_grad():
        expected, found = theirs.train(training)(pictures), ours.train(training)(pictures)

    assert [one.shape[1] for one in found] == ours.channels == theirs.feature_info.channels()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
def test_the_embedded_model_needs_no_library_that_takes_seconds_to_import() -> None:
    said = subprocess.run([sys.executable, "-c", SAYS_WHAT_IT_LOADED], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == ""
