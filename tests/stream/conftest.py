"""What several tests of the node share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from .blob_detector import BlobDetector
from .running_node import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """40 frames of two squares, 1.6 s."""
    return make_clip(tmp_path_factory.mktemp("clip") / "squares.mp4")


@pytest.fixture
def detector() -> Iterator[BlobDetector]:
    with closing(BlobDetector()) as blobs:
        yield blobs
