"""Pictures with a red square, and the plain colour detector in the place of a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groundcast.launch.node import load_detector
from groundcast.launch.settings.settings import ModelSettings

from ..commands import BlobModel
from ..conftest import red_square

Loads = list[str]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """The plain colour detector instead of a model: these tests are about what surrounds it. Counts the loads."""
    found: Loads = []

    def load(model: ModelSettings) -> BlobModel:
        found.append(model.name)
        return BlobModel()

    monkeypatch.setattr(load_detector, "load_detector", load)
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures with a red square, of which one is in a folder, an empty one, and a corrupt one."""
    folder = tmp_path / "photos"
    (folder / "in ä").mkdir(parents=True)
    Image.fromarray(red_square(20)).save(folder / "in ä" / "one.png")
    Image.fromarray(red_square(60)).save(folder / "two.jpg", quality=95)
    Image.fromarray(np.full((120, 160, 3), 90, np.uint8)).save(folder / "empty.png")
    return folder


Corrupt = Callable[[], None]


@pytest.fixture
def corrupt(photos: Path) -> Corrupt:
    def write() -> None:
        (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")

    return write
