"""A separate process that renders scenes: OSMesa and triton cannot be loaded into one process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from groundcast.model.tabletop.scene import Scene

if TYPE_CHECKING:
    from groundcast.model.tabletop.renderer import Rendering

    Draw = Callable[[Scene], Rendering]


@contextmanager
def drawing() -> Generator[Draw]:
    """A function that draws; the test is skipped where nothing can be drawn."""
    pytest.importorskip("mujoco", reason="needs the [eval] extra")
    from groundcast.model.tabletop.renderer import RendererError, draw

    def ask(scene: Scene) -> Rendering:
        try:
            return pool.submit(draw, scene).result()
        except RendererError as error:
            pytest.skip(str(error))

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield ask
