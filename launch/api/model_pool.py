"""Model pool: the models of a server, loaded when they are asked for, within a memory budget."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..memory import resident_bytes
from .api_error import ApiError
from .dispatcher import Dispatcher

if TYPE_CHECKING:
    from ...model.detector import Detector

_LOG = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class LoadedModel:
    """A model that answers.

    Args:
        name: by which requests ask for it.
        detector: computes.
        dispatcher: its queue.
        bytes: what loading it took of the process's memory.
        users: requests that use it now.
        used_s: monotonic time of its last use.
    """

    name: str
    detector: Detector
    dispatcher: Dispatcher
    bytes: int
    users: int = 0
    used_s: float = 0.0


class ModelPool:
    """Models by name. Only the names that the server was started with can be asked for.

    Args:
        names: the models, the first of which is the default.
        load: loads one; takes seconds and runs in a thread.
        max_waiting: pictures that may wait for each model.
        max_bytes: memory of all models together; the least recently used leaves. None is no limit.
    """

    def __init__(
        self, names: Sequence[str], load: Callable[[str], Detector], max_waiting: int, max_bytes: int | None = None
    ) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._load = load
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._loaded: dict[str, LoadedModel] = {}
        self._lock = asyncio.Lock()

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """The loaded models."""
        return tuple(self._loaded.values())

    @asynccontextmanager
    async def use(self, name: str | None = None) -> AsyncGenerator[LoadedModel]:
        """A model for the length of a block, during which it is not unloaded.

        Args:
            name: None is the default.

        Raises:
            ApiError: the name is not known, or there is no memory for it.
        """
        model = await self._get(name)
        model.users += 1
        try:
            yield model
        finally:
            model.users -= 1
            model.used_s = time.monotonic()

    async def load(self, name: str) -> LoadedModel:
        """Load a model, unless it is loaded."""
        return await self._get(name)

    async def unload(self, name: str) -> bool:
        """Unload a model; true if it was loaded.

        Raises:
            ApiError: requests are using it.
        """
        self._check(name)
        async with self._lock:
            model = self._loaded.get(name)
            if model is None:
                return False
            if model.users:
                text = f"model {name[:100]!r} is answering {model.users} requests: try again when they are done"
                raise ApiError(409, "in_use", text, retry_after_s=1)
            await self._drop(model)
            return True

    async def close(self) -> None:
        """Unload all."""
        for model in self.loaded:
            await self._drop(model)

    def _check(self, name: str) -> None:
        if name not in self.names:
            known = ", ".join(self.names)
            raise ApiError(404, "no_such_model", f"this server has no model {name[:100]!r}, but {known}")

    async def _get(self, name: str | None) -> LoadedModel:
        name = self.names[0] if name is None else name
        self._check(name)
        if (model := self._loaded.get(name)) is not None:
            return model
        async with self._lock:
            if (model := self._loaded.get(name)) is not None:
                return model
            await self._make_room()
            before = resident_bytes()
            try:
                detector = await asyncio.to_thread(self._load, name)
            except Exception as error:
                _LOG.warning("model %s cannot be loaded: %s", name, error)
                raise ApiError(
                    503, "not_loaded", f"model {name!r} cannot be loaded: the server's log says why"
                ) from error
            model = LoadedModel(
                name, detector, Dispatcher(detector, self._max_waiting), max(0, resident_bytes() - before)
            )
            model.used_s = time.monotonic()
            self._loaded[name] = model
            _LOG.info("model %s is loaded (%d MB)", name, model.bytes // 1_000_000)
            return model

    async def _make_room(self) -> None:
        """Unload the least recently used models until the rest is within the budget, so that a further one can come."""
        while self._max_bytes is not None and sum(one.bytes for one in self.loaded) >= self._max_bytes:
            idle = [one for one in self.loaded if not one.users]
            if not idle:
                raise ApiError(503, "no_memory", "all loaded models are in use: try again later", retry_after_s=5)
            await self._drop(min(idle, key=lambda one: one.used_s))

    async def _drop(self, model: LoadedModel) -> None:
        del self._loaded[model.name]
        await asyncio.to_thread(model.detector.close, 5.0)
        _LOG.info("model %s is unloaded", model.name)
