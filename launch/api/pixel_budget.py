"""Pixel budget: how many decoded pixels a server holds; further pictures wait as the bytes that were uploaded.

A picture of a few hundred kilobytes can have 40 megapixels, so that a bound on bytes, or on pictures, bounds no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

MAX_HELD_PIXELS = 160_000_000
"""Of pictures that wait for a model or are computed: about 480 MB."""


class PixelBudget:
    """A bound on decoded pixels. Lives in one event loop.

    Args:
        max_pixels: of all pictures together; a single one may have more.
    """

    def __init__(self, max_pixels: int = MAX_HELD_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._held = 0
        self._freed = asyncio.Event()

    @property
    def held(self) -> int:
        """Pixels that are held now."""
        return self._held

    @asynccontextmanager
    async def hold(self, pixels: int) -> AsyncGenerator[None]:
        """Hold so many pixels for the length of a block; waits until there is room for them."""
        while self._held and self._held + pixels > self._max_pixels:
            self._freed.clear()
            await self._freed.wait()
        self._held += pixels
        try:
            yield
        finally:
            self._held -= pixels
            self._freed.set()
