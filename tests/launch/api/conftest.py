"""One running API for the tests that change nothing in it."""

from __future__ import annotations

from collections.abc import Generator

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections
from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt

from .running_api import clip_frames, load, running_api

PROMPT = "red mug . bottle"


@pytest.fixture(scope="session")
def frames() -> list[NDArray[np.uint8]]:
    return clip_frames(12)


@pytest.fixture(scope="session")
def api() -> Generator[httpx.Client]:
    with running_api() as client:
        yield client


@pytest.fixture(scope="session")
def detector() -> Generator[Detector]:
    detector = load("tabletop")
    yield detector
    detector.close()


@pytest.fixture(scope="session")
def alone(detector: Detector, frames: list[NDArray[np.uint8]]) -> Detections:
    """What the detector finds in the first frame without a server."""
    (found,) = detector.detect([frames[0]], [Prompt.parse(PROMPT)])
    assert len(found) > 0
    return found
