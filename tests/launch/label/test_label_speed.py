"""How much `groundcast label` costs beside the bare detector: reading, placing and writing 500 pictures."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.node import load_detector
from groundcast.launch.settings.settings import ModelSettings
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.model.runtime.ticket import DetectionTicket
from groundcast.model.tabletop.clip_truth import CLIP_PATH

from ..commands import in_process

PICTURES, ROUNDS = 500, 2
CLASSES = (
    *("cube", "ball", "can", "bottle", "mug", "ring", "cone"),
    *("red object", "blue object", "green object"),
)


class KeptDetector:
    """A detector that outlives the commands which close it."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def __getattr__(self, name: str) -> object:
        return getattr(self._detector, name)

    def __enter__(self) -> KeptDetector:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def detector() -> Generator[Detector]:
    with load_detector.load_detector(ModelSettings(name="tabletop", threshold=0.3, device="cpu")) as loaded:
        yield loaded


def write_photos(folder: Path) -> list[NDArray[np.uint8]]:
    """500 different pictures: the frames of the embedded clip, and then the same in a mirror."""
    folder.mkdir()
    pictures: list[NDArray[np.uint8]] = []
    with av.open(str(CLIP_PATH)) as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    for frame in [*frames, *(one[:, ::-1] for one in frames)][:PICTURES]:
        pictures.append(np.ascontiguousarray(frame, np.uint8))
        Image.fromarray(pictures[-1]).save(folder / f"{len(pictures):04}.jpg", quality=92)
    assert len(pictures) == PICTURES
    return pictures


def bare_s(detector: Detector, pictures: list[NDArray[np.uint8]], prompt: Prompt) -> float:
    """Seconds for pictures that are in memory already, in batches as `label` makes them."""
    began_s = time.perf_counter()
    flying: list[DetectionTicket[Detections]] = []
    for first in range(0, len(pictures), detector.batch):
        flying.append(detector.submit([Query(one, prompt) for one in pictures[first : first + detector.batch]]))
        if len(flying) > detector.depth + 1:
            flying.pop(0).wait()
    for ticket in flying:
        ticket.wait()
    return time.perf_counter() - began_s


@pytest.mark.bar
@pytest.mark.slow
def test_labelling_is_nearly_as_fast_as_the_bare_detector(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = write_photos(tmp_path / "photos")
    prompt = Prompt.parse(" . ".join(CLASSES))

    def kept(_model: ModelSettings) -> KeptDetector:
        return KeptDetector(detector)

    monkeypatch.setattr(load_detector, "load_detector", kept)
    bare_s(detector, pictures[:50], prompt)  # traced, and the prompt read

    bare, label = list[float](), list[float]()
    for number in range(ROUNDS):
        bare.append(bare_s(detector, pictures, prompt))
        began_s = time.perf_counter()
        ended = in_process(
            capsys, "label", tmp_path / "photos", "--prompt", " . ".join(CLASSES), "--device", "cpu", "--json",
            "--folder", tmp_path / f"set{number}",
        )  # fmt: skip
        label.append(time.perf_counter() - began_s)
        assert json.loads(ended.out)["pictures"] == PICTURES, ended.err

    share = sum(bare) / sum(label)
    with capsys.disabled():
        print(f"\nbare {bare} s, label {label} s: {share:.3f} of the bare rate")
    assert share >= 0.9
