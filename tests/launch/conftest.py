"""A small clip for the commands, and a plain detector in the place of the model."""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from groundcast.launch.node import load_detector, node
from groundcast.launch.settings.settings import ModelSettings
from groundcast.launch.show.video_file import VideoFile

from .commands import BlobModel

CLIP_FRAMES = 20


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames of 160x120 at 10 a second, a red square moving to the right."""
    path = tmp_path_factory.mktemp("clips") / "square.mp4"
    with VideoFile(path) as video:
        for index in range(CLIP_FRAMES):
            video.write(red_square(20 + 4 * index), index / 10)
    return path


def red_square(left: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A grey picture with a red square of 30 px."""
    image = np.full((120, 160, 3), 90, np.uint8)
    image[40:70, left : left + 30] = (230, 20, 20)
    return image


@contextmanager
def full_disk() -> Generator[None]:
    """No file of this process grows beyond a hundred bytes, nor may pytest say anything into one meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelSettings], BlobModel]:
    """Commands load the plain colour detector: these tests are about what surrounds the model."""

    def load(_model: ModelSettings) -> BlobModel:
        return BlobModel()

    monkeypatch.setattr(node, "load_detector", load)
    monkeypatch.setattr(load_detector, "load_detector", load)
    return load
